//! Words of addresses: for streets, flats and what speaks of an address, in the languages of Europe.

use std::collections::BTreeMap;
use std::sync::LazyLock;

use super::super::lists;

/// Behind number and name: `221 Baker Street`.
const AFTER: &str = " street st road rd avenue ave av lane ln drive dr court ct boulevard blvd way terrace ter place pl square sq close crescent cres gardens gdns grove hill park parkway pkwy highway hwy row walk mews trail trl circle cir quay rise green alley loop plaza expressway turnpike pike crossing view heights bridge ";
/// Behind the number, before the name: `12 rue de la Paix`.
const BETWEEN: &str = " rue avenue av boulevard bd blvd place pl chemin ch impasse allée allées allee route rte quai cours square passage sentier villa cité hameau lotissement résidence esplanade faubourg ";
/// Before the name, number last: `Calle Mayor 5`.
const BEFORE: &str = " calle c avenida avda av plaza pza paseo pº camino acceso callejón cañada cuesta glorieta pasadizo pasaje rambla urbanización vial costanilla carrer carretera ronda travesía via viale v.le piazza p.zza corso largo vicolo strada contrada rua r travessa praça praca alameda estrada calçada beco str bulevardul bd b-dul aleea șoseaua splaiul ul ulica al aleja aleje os osiedle pl plac ulice nám náměstí námestie třída trg cesta ulitsa ул улица бул бульвар булевард οδός οδος λεωφόρος rue avenue boulevard place chemin impasse allée sokak caddesi cad triq ";
/// Ends of names of streets, number last: `Hauptstraße 5`.
pub(super) const ENDS: &[&str] = &[
    "straße", "strasse", "str.", "str", "gasse", "allee", "platz", "damm", "ufer", "weg", "ring", "steig",
    "chaussee", "straat", "laan", "plein", "gracht", "kade", "singel", "dreef", "steenweg", "dijk", "gatan",
    "gata", "vägen", "väg", "gränd", "torget", "gade", "vej", "vænge", "allé", "veien", "vegen", "gate",
    "katu", "tie", "kuja", "polku", "iela", "gatvė", "tänav", "maantee", "stræde",
];
/// Words of their own behind the name, number last: `Kossuth Lajos utca 5`.
const BEHIND: &str = " straße strasse str weg allee platz gasse ring damm ufer straat laan plein utca út útja tér körút köz sétány dűlő iela gatvė g tänav tn mnt pst prospektas alėja gatan gata väg gade vej vei gate tie katu sokak sokağı caddesi bulvarı ";
/// Words inside names of streets.
const SMALL: &str = " de la le les du des d l da do das dos del della di e y i and of the van der den am an im in zur zum unter der auf alten st saint san santa ";
const UNIT: &str = " apt apartment suite ste unit flat floor fl room rm piso apto int interno scala wohnung top stiege appartement appt bât bat étage m lok lokal mieszkanie box dept studio # ";
/// Behind number and name in America and Britain, and words of other things too: they count where more of an address follows or
/// a word speaks of one. Suffixes of the United States Postal Service.
const PERHAPS: &str = " annex arcade bayou beach bend bluff bluffs bottom branch brook brooks burg burgs bypass camp canyon cape causeway center centers centre circles cliff cliffs club common commons corner corners course courts cove coves creek crest crossroad curve dale dam divide drives drove estate estates extension extensions fall falls ferry field fields flats ford fords forest forge forges fork forks fort freeway garden gateway glen glens greens groves harbor harbors harbour haven hills hollow inlet island islands isle junction junctions key keys knoll knolls lake lakes land landing lees light lights loaf lock locks lodge mall manor manors meadow meadows mill mills mission motorway mount mountain mountains neck orchard oval overpass parks parkways pass passage path pine pines plain plains point points port ports prairie radial ramp ranch rapid rapids rest ridge ridges river roads route run shoal shoals shore shores skyway spring springs spur spurs squares station stravenue stream streets summit throughway trace track trafficway trailer tunnel underpass union unions valley valleys via viaduct view views village villages ville vista walks wall ways well wells wharf yard burn brae loan ";
/// What speaks of an address.
const ADDRESS: &str = " address addresses addr adresse adressen adres adresu adresem adresa adresu adresou adress adressen osoite osoitteeni indirizzo indirizzi dirección direccion domicilio endereço endereco morada anschrift wohnanschrift lieferadresse rechnungsadresse wohnhaft cím címem lakcím lakcímem adrese adresas aadress διεύθυνση адрес residing resides resident domicile domicilié domiciliée zamieszkały zamieszkała bytem bydliště bytom bosatt residente residenza woonachtig adreslerim adresim ";
/// What may speak of one: a street has to look like one, or more has to follow.
const TOWARDS: &str = " live lives lived living moved move moving ship shipped deliver delivered delivery send sent mail mailed visit pick parcel package wohne wohnt wohnen ziehe habite habitons vivo vive vivimos abito abita abitiamo moro mora woon woont mieszkam mieszka bor bydlím asun lakom locuiesc ";
/// In front of a code of the post.
const CODE: &str =
    " zip zipcode zipcodes postcode postcodes postal plz postleitzahl cp psč postnummer postnumero ";

/// Which of the lists a word is in, one bit each.
pub(super) type In = u16;
pub(super) const IN_AFTER: In = 1;
pub(super) const IN_BETWEEN: In = 2;
pub(super) const IN_BEFORE: In = 4;
pub(super) const IN_BEHIND: In = 8;
pub(super) const IN_SMALL: In = 16;
pub(super) const IN_UNIT: In = 32;
pub(super) const IN_PERHAPS: In = 64;
pub(super) const IN_ADDRESS: In = 128;
pub(super) const IN_TOWARDS: In = 256;
pub(super) const IN_CODE: In = 512;

/// The words of all lists by their hashes, in order.
static WORDS: LazyLock<Vec<(u64, In)>> = LazyLock::new(|| {
    let lists = [
        (AFTER, IN_AFTER),
        (BETWEEN, IN_BETWEEN),
        (BEFORE, IN_BEFORE),
        (BEHIND, IN_BEHIND),
        (SMALL, IN_SMALL),
        (UNIT, IN_UNIT),
        (PERHAPS, IN_PERHAPS),
        (ADDRESS, IN_ADDRESS),
        (TOWARDS, IN_TOWARDS),
        (CODE, IN_CODE),
    ];
    let mut words: BTreeMap<u64, In> = BTreeMap::new();
    for (list, bit) in lists {
        for word in list.split_whitespace() {
            *words.entry(lists::hash(word)).or_default() |= bit;
        }
    }
    words.into_iter().collect()
});

/// Which lists hold a word, in any case.
pub(super) fn lists_of(word: &str) -> In {
    let hash = lists::hash(word);
    let found = WORDS.binary_search_by_key(&hash, |w| w.0).ok().and_then(|n| WORDS.get(n));
    found.map_or(0, |w| w.1)
}
