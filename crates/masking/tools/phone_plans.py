"""Makes src/scan/phone/plans.rs: python3 tools/phone_plans.py src/scan/phone/plans.rs

Reads the metadata of libphonenumber (Apache-2.0) from the PyPI package `phonenumbers`: for every calling code, which
lengths follow which first two digits."""
import re, sys
try:
    from re import _parser as sp, _constants as sc
except ImportError:
    import sre_parse as sp, sre_constants as sc
import phonenumbers
from phonenumbers import PhoneMetadata
DEPTH=2
def join(a,b):
    out=set()
    for p,n in a:
        for q,m in b:
            out.add(((p+q)[:DEPTH], n+m))
    return out
def walk(nodes):
    state={('',0)}
    for op,arg in nodes:
        state=join(state, one(op,arg))
        state={(p,n) for p,n in state if n<=17}
    return state
def one(op,arg):
    if op is sc.LITERAL: return {(chr(arg),1)}
    if op is sc.IN:
        out=set()
        for o,a in arg:
            if o is sc.LITERAL: out.add((chr(a),1))
            elif o is sc.RANGE: out|={(chr(c),1) for c in range(a[0],a[1]+1)}
            elif o is sc.CATEGORY: out|={(str(d),1) for d in range(10)}
            else: raise Exception(o)
        return out
    if op is sc.BRANCH:
        out=set()
        for b in arg[1]: out|=walk(b)
        return out
    if op is sc.SUBPATTERN: return walk(arg[3])
    if op in (sc.MAX_REPEAT, sc.MIN_REPEAT):
        lo,hi,sub=arg
        unit=walk(sub); state={('',0)}; out=set()
        for i in range(0,hi+1):
            if i>=lo: out|=state
            if i<hi: state=join(state,unit)
        return out
    raise Exception(op)
codes={}
for r in sorted(phonenumbers.SUPPORTED_REGIONS):
    m=PhoneMetadata.metadata_for_region(r)
    c=codes.setdefault(m.country_code,{'trunk':m.national_prefix,'set':set(),'regions':[],'main':None})
    c['regions'].append(r)
    if m.main_country_for_code or c['main'] is None: c['main']=r; c['trunk']=m.national_prefix
    for d in (m.fixed_line,m.mobile,m.toll_free,m.premium_rate,m.shared_cost,m.personal_number,m.voip,m.pager,m.uan):
        if d and d.national_number_pattern:
            for p,n in walk(sp.parse(d.national_number_pattern)):
                if n in d.possible_length: c['set'].add((p,n))
for k in PhoneMetadata._country_code_metadata_available if hasattr(PhoneMetadata,'_country_code_metadata_available') else []:
    m=PhoneMetadata.metadata_for_nongeo_region(k)
    if not m: continue
    c=codes.setdefault(k,{'trunk':None,'set':set(),'regions':[],'main':'001'})
    for p,n in walk(sp.parse(m.general_desc.national_number_pattern)): c['set'].add((p,n))
rows=[];runs=0
for k in sorted(codes):
    c=codes[k]
    masks={}
    for p,n in c['set']:
        if len(p)<DEPTH: continue
        masks[int(p)]=masks.get(int(p),0)|1<<n
    out=[];prev=None
    for i in range(100):
        m=masks.get(i,0)
        if m==0: prev=None; continue
        if prev and prev[1]==i-1 and prev[2]==m: prev[1]=i
        else:
            prev=[i,i,m]; out.append(prev)
    runs+=len(out); rows.append((k,c['trunk'],c['regions'],out))
print(len(rows),runs,file=sys.stderr)
out=[]
for k,t,regs,runs_ in rows:
    s=[]
    for a,b,m in runs_:
        m>>=4
        s.append(f"{a:02}-{b:02}:{m:x}" if a!=b else f"{a:02}:{m:x}")
    out.append((k,t or "",[r for r in regs if r!='001'],s))
lines=[]
for k,t,regs,s in out:
    line=f'    ({k}, "{t}", "{" ".join(regs)}", "'
    lines.append(line+" ".join(s)+'"),')
head='''//! Numbering plans of all countries: calling code (ITU-T E.164), trunk prefix, countries, and for the first two digits of
//! a national number the lengths that are given out. Made by `tools/phone_plans.py` from the metadata of libphonenumber %s
//! (Copyright The Libphonenumber Authors, Apache License 2.0), which takes them from the ITU and the national regulators.

/// Calling code, trunk prefix, countries, and `first two digits:lengths`, in the order of the codes. The lengths are a
/// hexadecimal set of bits; the lowest stands for four digits.
#[rustfmt::skip]
pub(super) static PLANS: &[(u16, &str, &str, &str)] = &[
''' % phonenumbers.__version__
open(sys.argv[1],'w').write(head+"\n".join(lines)+"\n];\n")
