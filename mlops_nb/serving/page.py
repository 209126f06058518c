"""The service's own page: what is served, what it takes, and a request to try; one HTML text, nothing to download."""

from __future__ import annotations

import json
from collections.abc import Sequence
from html import escape
from typing import Any

_STYLE = """

:root{color-scheme:light dark;--fg:#1c2330;--dim:#5d6778;--line:#dfe3ea;--bg:#fff;--card:#f7f8fa;--mark:#2458d3;
--bad:#b3261e;--good:#1b7f4b}
@media(prefers-color-scheme:dark){:root{--fg:#e4e8ef;--dim:#98a2b3;--line:#333b48;--bg:#14181f;--card:#1b212b;
--mark:#86aaff;--bad:#ff8a80;--good:#6fd3a0}}*{box-sizing:border-box}
body{margin:0;background:var(--bg);color:var(--fg);font:15px/1.5 system-ui,sans-serif}
main{max-width:880px;margin:0 auto;padding:32px 20px 64px}h1{font-size:26px;margin:0 0 4px;overflow-wrap:anywhere}
h2{font-size:16px;margin:32px 0 8px}p{margin:0 0 8px;color:var(--dim)}
code,pre,textarea{font:13px/1.5 ui-monospace,SFMono-Regular,Menlo,monospace}table{border-collapse:collapse;width:100%}
td,th{text-align:left;padding:6px 12px 6px 0;border-bottom:1px solid var(--line);vertical-align:top}
th{color:var(--dim);font-weight:500}td.path{white-space:nowrap}
.models{display:flex;gap:12px;flex-wrap:wrap;margin:16px 0}
.model{border:1px solid var(--line);background:var(--card);border-radius:8px;padding:10px 14px}.model b{display:block}
.model span{color:var(--dim);font-size:13px}
textarea{width:100%;min-height:180px;padding:10px;border:1px solid var(--line);border-radius:8px;
background:var(--card);color:var(--fg);resize:vertical}
pre{background:var(--card);border:1px solid var(--line);border-radius:8px;padding:10px;margin:8px 0;overflow:auto;
max-height:320px;white-space:pre-wrap;overflow-wrap:anywhere}
.row{display:flex;gap:10px;align-items:center;margin:8px 0;flex-wrap:wrap}
button{font:inherit;border:0;border-radius:6px;padding:6px 16px;background:var(--mark);color:var(--bg);cursor:pointer}
button:focus-visible,textarea:focus-visible,input:focus-visible{outline:2px solid var(--mark);outline-offset:2px}
input{font:inherit;padding:5px 8px;border-radius:6px;border:1px solid var(--line);background:var(--card);
color:var(--fg)}.good{color:var(--good)}.bad{color:var(--bad)}a{color:var(--mark)}
"""

_SCRIPT = """
const at=id=>document.getElementById(id);
const body=at('body'),out=at('out'),state=at('state');
document.getElementById('ask').addEventListener('click',async()=>{
  const headers={'Content-Type':'application/json'},token=document.getElementById('token');
  if(token&&token.value)headers.Authorization='Bearer '+token.value;
  state.textContent='\\u2026';state.className='';const begun=performance.now();
  try{const r=await fetch('invocations',{method:'POST',headers,body:body.value});const text=await r.text();
    state.textContent=r.status+' in '+(performance.now()-begun).toFixed(1)+' ms, request '+
      r.headers.get('x-request-id')+(r.ok?', version '+r.headers.get('x-model-version'):'');
    state.className=r.ok?'good':'bad';
    try{out.textContent=JSON.stringify(JSON.parse(text),null,2)}catch{out.textContent=text}
  }catch(e){state.textContent=String(e);state.className='bad'}
  out.hidden=false});
"""


def page(described: dict[str, Any], models: Sequence[dict[str, Any]]) -> str:
    """The page.

    Parameters
    ----------
    described : dict
        As of `mlops_nb.serving.openapi.describe`.
    models : sequence of dict
        What is served: ``role, uri, name, version, run_id``.

    Examples
    --------
    >>> "<h1>a&lt;b</h1>" in page({"info": {"title": "a<b", "version": "1"}, "paths": {}}, [])
    True
    """
    info = described["info"]
    request = described["paths"].get("/invocations", {}).get("post", {}).get("requestBody", {}).get("content", {})
    example = json.dumps(request.get("application/json", {}).get("example"), indent=2, ensure_ascii=False)
    cards = "".join(
        f'<div class="model"><b>{escape(each["role"])}</b>version {escape(str(each["version"]))}<br>'
        f"<span>{escape(each['uri'])}{' · run ' + escape(each['run_id'][:8]) if each['run_id'] else ''}</span></div>"
        for each in models
    )
    rows = "".join(
        f'<tr><td>{method.upper()}</td><td class="path"><code>{escape(path)}</code></td>'
        f"<td>{escape(said.get('summary', ''))}</td></tr>"
        for path, methods in described["paths"].items()
        for method, said in methods.items()
    )
    token = '<input id="token" type="password" placeholder="token" aria-label="token" autocomplete="off">'
    asks = token if "security" in described else ""
    return f"""<!doctype html>
<html lang="en"><head><meta charset="utf-8"><meta name="viewport" content="width=device-width">
<title>{escape(info["title"])}</title><style>{_STYLE}</style></head><body><main>
<h1>{escape(info["title"])}</h1><p>{escape(info.get("description", ""))}</p>
<div class="models">{cards}</div>
<h2>Try it</h2><p>The model's own example, as <code>POST /invocations</code> takes it.</p>
<textarea id="body" spellcheck="false" aria-label="request">{escape(example)}</textarea>
<div class="row"><button id="ask">Send</button>{asks}<span id="state" role="status"></span></div>
<pre id="out" hidden></pre>
<h2>What there is</h2><table><tbody>{rows}</tbody></table>
<p style="margin-top:16px">For tools: <a href="openapi.json">openapi.json</a>.</p>
</main><script>{_SCRIPT}</script></body></html>
"""
