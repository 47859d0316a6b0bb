//! `/approvals` of a front: where approvers of each cell act. A front shows nothing of a held call, because it knows nothing of
//! it: the cell itself shows it, in the approver's browser, over a connection that the front has no part in. The links are
//! those of the front's file, not what a cell says.

use http::header::{CACHE_CONTROL, CONTENT_SECURITY_POLICY, HeaderValue, REFERRER_POLICY};
use http::{Response, StatusCode};

use super::force::InForce;
use crate::body::{self, Reply};
use crate::page::Html;

/// The path.
pub(super) const PATH: &str = "/approvals";

const POLICY: &str = "default-src 'none'; base-uri 'none'; form-action 'none'; frame-ancestors 'none'";

/// The page; nothing where no cell has an address for approvers.
pub(super) fn page(force: &InForce) -> Response<Reply> {
    let mut rows = Html::default();
    let mut any = false;
    for (name, cell) in &force.config.cells {
        let Some(url) = &cell.approvals else { continue };
        any = true;
        rows.raw("<tr><td>")
            .text(name)
            .raw("</td><td>")
            .text(cell.region.as_str())
            .raw("</td><td><a href=\"");
        rows.text(url).raw("\" rel=\"noreferrer\">").text(url).raw("</a></td></tr>\n");
    }
    if !any {
        return body::empty(StatusCode::NOT_FOUND);
    }
    let mut html = Html::default();
    html.raw("<!doctype html>\n<html lang=\"en\"><head><meta charset=\"utf-8\"><title>Approvals</title></head><body>\n")
        .raw("<h1>Approvals</h1>\n<p>Each cell shows its own held calls. Nothing of them is here.</p>\n")
        .raw("<table><tr><th>Cell</th><th>Region</th><th>Where its approvers act</th></tr>\n")
        .add(&rows)
        .raw("</table>\n</body></html>\n");
    let kind = HeaderValue::from_static("text/html; charset=utf-8");
    let mut response = body::typed(StatusCode::OK, kind, html.finish());
    let headers = response.headers_mut();
    headers.insert(CONTENT_SECURITY_POLICY, HeaderValue::from_static(POLICY));
    headers.insert(REFERRER_POLICY, HeaderValue::from_static("no-referrer"));
    headers.insert(CACHE_CONTROL, HeaderValue::from_static("no-store"));
    response
}
