"use strict";(self.rspackChunkmlops_nb=self.rspackChunkmlops_nb||[]).push([[700],{38(o,e,p){var r=p(36),l=p.n(r),i=p(37),n=(p.n(i))()(l());n.push([o.id,`/* JupyterLab's own theme variables; nothing is coloured without one, but for the meanings good, bad, warn and running. */
:root {
  --mlops-good: #137a3e;
  --mlops-bad: #c02b2b;
  --mlops-warn: #8f5b00;
  --mlops-run: #1a6fc4;
  --mlops-mono: var(--jp-code-font-family, ui-monospace, Menlo, Consolas, monospace);
  --mlops-line: color-mix(in srgb, var(--jp-ui-font-color0) 13%, transparent);
  --mlops-fill: color-mix(in srgb, var(--jp-ui-font-color0) 5%, transparent);
  --mlops-mute: color-mix(in srgb, var(--jp-ui-font-color0) 66%, var(--jp-layout-color1));
}

body[data-jp-theme-light='false'] {
  --mlops-good: #5fcf8b;
  --mlops-bad: #ff8a80;
  --mlops-warn: #f2b84b;
  --mlops-run: #6db3f7;
}

.mlops-Sidebar,
.mlops-Card,
.mlops-Page,
.mlops-Dialog {
  color: var(--jp-ui-font-color0);
  font: var(--jp-ui-font-size1, 13px) / 1.45 var(--jp-ui-font-family);
  font-variant-numeric: tabular-nums;
}

.mlops-Sidebar *, .mlops-Card *, .mlops-Page *, .mlops-Dialog * { box-sizing: border-box; }
.mlops-mute { color: var(--mlops-mute); }
.mlops-good, .mlops-better, .mlops-st-finished { color: var(--mlops-good); }
.mlops-bad, .mlops-worse, .mlops-st-failed { color: var(--mlops-bad); }
.mlops-warn, .mlops-st-killed { color: var(--mlops-warn); }
.mlops-st-running, .mlops-st-scheduled { color: var(--mlops-run); }
.mlops-neutral, .mlops-same { color: var(--mlops-mute); }
.mlops-grow { flex: 1; }
.mlops-num { font-variant-numeric: tabular-nums; }
.mlops-code { font-family: var(--mlops-mono); font-size: 12px; }
.mlops-unseen { position: absolute; width: 1px; height: 1px; overflow: hidden; clip-path: inset(50%); white-space: nowrap; }
.mlops-St { font-weight: 700; flex: none; text-align: center; min-width: 1.1em; display: inline-block; }
.mlops-St-word { font-size: 11px; letter-spacing: 0.02em; margin-left: 4px; }
.mlops-Badge { font-weight: 700; font-size: 12px; flex: none; position: relative; }
.mlops-Delta { font-size: 11px; }
.mlops-Chip { font-size: 11px; line-height: 16px; border: 1px solid var(--mlops-line); border-radius: 9px; padding: 0 7px; white-space: nowrap; flex: none; background: var(--mlops-fill); }
.mlops-Count { font-size: 11px; line-height: 16px; min-width: 18px; text-align: center; border-radius: 9px; padding: 0 6px; background: var(--mlops-fill); color: var(--mlops-mute); flex: none; }
.mlops-Bar { display: flex; align-items: center; gap: 6px; min-width: 0; }

.mlops-Button {
  font: inherit; font-size: 12px; line-height: 24px; height: 26px; padding: 0 10px; border-radius: 4px; cursor: pointer; white-space: nowrap;
  color: var(--jp-ui-font-color0); background: var(--mlops-fill); border: 1px solid var(--mlops-line);
}
.mlops-Button.mlops-small { height: 22px; line-height: 20px; padding: 0 8px; }
.mlops-Button:hover:not(:disabled) { border-color: var(--mlops-mute); }
.mlops-Button:disabled { opacity: 0.5; cursor: default; }
.mlops-Button.mlops-main:not(:disabled) { background: #1565c0; border-color: #1565c0; color: #fff; font-weight: 600; }
.mlops-Button.mlops-danger { color: var(--mlops-bad); border-color: color-mix(in srgb, var(--mlops-bad) 45%, transparent); }
.mlops-Button[aria-pressed='true'] { background: color-mix(in srgb, var(--jp-brand-color1) 16%, transparent); }
.mlops-Icon { position: relative; background: none; border: 0; border-radius: 3px; padding: 3px; height: 22px; min-width: 22px; cursor: pointer; color: var(--jp-ui-font-color1); line-height: 16px; font-size: 14px; flex: none; }
.mlops-Icon:hover, .mlops-Icon[aria-expanded='true'] { background: var(--jp-layout-color2); }
.mlops-Icon svg { display: block; }
.mlops-Icon-badge { position: absolute; right: -2px; top: -3px; font-size: 9px; }
.mlops-Link { background: none; border: 0; padding: 0; font: inherit; color: inherit; cursor: pointer; text-align: left; min-width: 0; }
.mlops-Link:hover { text-decoration: underline; }
.mlops-Link.mlops-code { font-family: var(--mlops-mono); font-size: 12px; }
:is(.mlops-Sidebar, .mlops-Card, .mlops-Page, .mlops-Dialog, .mlops-Status-host) :is(button, input, select, textarea, summary, a, [tabindex]):focus-visible {
  outline: 2px solid var(--jp-brand-color1); outline-offset: 1px;
}

.mlops-Choices { display: flex; border: 1px solid var(--mlops-line); border-radius: 4px; overflow: hidden; }
.mlops-Choices button {
  flex: 1; font: inherit; font-size: 12px; height: 24px; line-height: 22px; border: 0; background: none; color: var(--mlops-mute); cursor: pointer; padding: 0 10px; white-space: nowrap;
}
.mlops-Choices button + button { border-left: 1px solid var(--mlops-line); }
.mlops-Choices button[aria-checked='true'] { background: color-mix(in srgb, var(--jp-brand-color1) 15%, transparent); color: var(--jp-ui-font-color0); font-weight: 600; }
.mlops-Choices button:focus-visible { outline-offset: -2px !important; }

.mlops-Popover { position: relative; }
.mlops-Popover-body {
  position: absolute; right: 0; top: 26px; z-index: 30; min-width: 190px; max-width: 320px; max-height: 380px; overflow: auto; padding: 8px 12px 10px;
  background: var(--jp-layout-color1); border: 1px solid var(--mlops-line); border-radius: 6px; box-shadow: 0 6px 22px rgb(0 0 0 / 24%);
}
.mlops-Options { border: 0; margin: 0 0 6px; padding: 0; min-width: 0; }
.mlops-Options legend { font-size: 11px; color: var(--mlops-mute); padding: 4px 0 2px; }
.mlops-Options label { display: flex; align-items: center; gap: 7px; height: 24px; font-size: 12px; cursor: pointer; white-space: nowrap; }
:is(.mlops-Sidebar, .mlops-Page, .mlops-Dialog) input:is([type='checkbox'], [type='radio']) { accent-color: var(--jp-brand-color1); width: 14px; height: 14px; margin: 0; flex: none; }

.mlops-Empty { padding: 18px 16px; color: var(--jp-ui-font-color0); display: flex; flex-direction: column; gap: 8px; align-items: flex-start; }
.mlops-Empty p { margin: 0; color: var(--mlops-mute); }
.mlops-Empty .mlops-Empty-title { font-weight: 600; font-size: 14px; color: var(--jp-ui-font-color0); }
.mlops-Empty pre { margin: 0; font: 12px/1.5 var(--mlops-mono); padding: 4px 10px; background: var(--mlops-fill); border-radius: 4px; color: var(--jp-ui-font-color0); }
.mlops-Trouble { display: flex; gap: 8px; align-items: center; padding: 8px 12px; font-size: 12px; color: var(--jp-ui-font-color0); background: color-mix(in srgb, var(--mlops-bad) 14%, var(--jp-layout-color1)); border-left: 3px solid var(--mlops-bad); }
.mlops-Trouble span { flex: 1; overflow-wrap: anywhere; }
.mlops-Hint { margin: 0; padding: 4px 12px 8px 24px; font-size: 12px; color: var(--mlops-mute); }
.mlops-Loading { padding: 8px 12px; display: flex; flex-direction: column; gap: 12px; }
.mlops-Loading-row { height: 14px; border-radius: 4px; background: var(--mlops-fill); }
.mlops-Loading-row:nth-child(even) { width: 62%; }
.mlops-Spark { flex: none; display: inline-block; vertical-align: middle; overflow: visible; }
.mlops-Spark path { fill: none; stroke: var(--jp-brand-color1); stroke-width: 1.4; stroke-linejoin: round; stroke-linecap: round; }
.mlops-Spark circle { fill: var(--jp-brand-color1); }

.mlops-Status-host { display: flex; align-items: center; }
.mlops-Status { font: inherit; background: none; border: 0; color: inherit; cursor: pointer; padding: 0 6px; height: 100%; line-height: 1; white-space: nowrap; }
.mlops-Status:hover { background: var(--jp-layout-color3); }

@media (prefers-reduced-motion: no-preference) {
  .mlops-Loading-row { animation: mlops-breathe 1.6s ease-in-out infinite; }
  .mlops-Twisty { transition: transform 0.1s; }
}
@keyframes mlops-breathe { 50% { opacity: 0.45; } }
`,""]),p.d(e,{},{A:n})},40(o,e,p){var r=p(36),l=p.n(r),i=p(37),n=(p.n(i))()(l());n.push([o.id,`.mlops-Card { border: 1px solid var(--mlops-line); border-left: 3px solid var(--mlops-tone, var(--mlops-line)); border-radius: 4px; padding: 7px 12px 8px; margin: 3px 0; background: var(--jp-layout-color0); }
.mlops-t-finished { --mlops-tone: var(--mlops-good); }
.mlops-t-failed { --mlops-tone: var(--mlops-bad); }
.mlops-t-killed { --mlops-tone: var(--mlops-warn); }
.mlops-t-running, .mlops-t-scheduled { --mlops-tone: var(--mlops-run); }
.mlops-Card p { margin: 0; }
.mlops-Card-head { display: flex; flex-wrap: wrap; gap: 0 10px; align-items: baseline; }
.mlops-Card-name { font-weight: 600; overflow-wrap: anywhere; }
.mlops-Card code { font: 12px var(--mlops-mono); background: none; color: inherit; padding: 0; border: 0; }
.mlops-Card code.mlops-mute { color: var(--mlops-mute); }
.mlops-Card .mlops-Card-error { font: 12px/1.45 var(--mlops-mono); color: var(--mlops-bad); margin-top: 5px; overflow-wrap: anywhere; }
.mlops-Tiles { display: flex; flex-wrap: wrap; gap: 6px 26px; margin: 7px 0 0; }
.mlops-Tile { min-width: 70px; }
.mlops-Tile dt { font-size: 11px; color: var(--mlops-mute); font-weight: 400; }
.mlops-Tile dd { margin: 0; display: flex; align-items: center; gap: 8px; }
.mlops-Tile b { font-size: 16px; font-weight: 600; line-height: 1.35; }
.mlops-Tile .mlops-Delta { font-size: 12px; }
.mlops-Tile .mlops-Tile-best { font-size: 11px; color: var(--mlops-mute); }
.mlops-Card .mlops-Chips { display: flex; flex-wrap: wrap; gap: 4px 6px; margin-top: 6px; align-items: baseline; }
.mlops-Card code.mlops-Param { padding: 1px 8px; border-radius: 9px; background: var(--mlops-fill); border: 1px solid var(--mlops-line); overflow-wrap: anywhere; }
.mlops-Card code.mlops-changed { background: color-mix(in srgb, var(--mlops-warn) 13%, transparent); border-color: color-mix(in srgb, var(--mlops-warn) 40%, transparent); }
.mlops-Card .mlops-Remarks { display: flex; flex-wrap: wrap; gap: 0 14px; font-size: 12px; margin-top: 6px; color: var(--mlops-mute); }
.mlops-Remarks .mlops-good { color: var(--mlops-good); }
.mlops-Remarks .mlops-bad { color: var(--mlops-bad); }
.mlops-Remarks .mlops-warn { color: var(--mlops-warn); }
.mlops-Card .mlops-Card-actions { display: flex; flex-wrap: wrap; gap: 5px; margin-top: 8px; }
.mlops-Card .mlops-Card-live { display: flex; align-items: center; gap: 8px; margin-top: 6px; overflow: hidden; white-space: nowrap; }
.mlops-Pulse { width: 8px; height: 8px; border-radius: 50%; background: var(--mlops-run); flex: none; }
.mlops-Facts { border-collapse: collapse; font-size: 12px; margin: 8px 0 0; }
.jp-RenderedHTMLCommon .mlops-Facts, .mlops-Facts { table-layout: auto; }
.mlops-Facts tr { border-top: 1px solid var(--mlops-line); }
.mlops-Facts :is(th, td) { text-align: left; font-weight: 400; padding: 3px 16px 3px 0; vertical-align: top; overflow-wrap: anywhere; }
.mlops-Facts th { color: var(--mlops-mute); white-space: nowrap; }

.jp-Cell .mlops-Mark {
  position: absolute; left: 4px; top: 26px; z-index: 2; font: 700 12px/16px var(--jp-ui-font-family); background: none; border: 0; padding: 1px 3px; cursor: pointer; border-radius: 3px;
}
.jp-Cell { position: relative; }
.mlops-Mark:hover { background: var(--jp-layout-color2); }
.mlops-Mark.mlops-stale { opacity: 0.85; }
.mlops-Strip { margin: 2px 8px 4px calc(var(--jp-cell-prompt-width, 64px) + var(--jp-cell-collapser-width, 8px) + var(--jp-cell-collapser-width, 8px)); }
@media (prefers-reduced-motion: no-preference) {
  .mlops-Pulse { animation: mlops-breathe 1.2s ease-in-out infinite; }
}
`,""]),p.d(e,{},{A:n})},35(o,e,p){var r=p(36),l=p.n(r),i=p(37),n=p.n(i),t=p(38),a=p(39),s=p(40),m=p(41),d=n()(l());d.i(t.A),d.i(a.A),d.i(s.A),d.i(m.A),d.push([o.id,`
`,""]),p.d(e,{},{A:d})},41(o,e,p){var r=p(36),l=p.n(r),i=p(37),n=(p.n(i))()(l());n.push([o.id,"",""]),p.d(e,{},{A:n})},39(o,e,p){var r=p(36),l=p.n(r),i=p(37),n=(p.n(i))()(l());n.push([o.id,`.mlops-Host { display: flex; flex-direction: column; min-width: 260px !important; background: var(--jp-layout-color1); }
.mlops-Host > .mlops-Sidebar-host { flex: 1; min-height: 0; }
.mlops-Sidebar { height: 100%; display: flex; flex-direction: column; background: var(--jp-layout-color1); }
.mlops-Sidebar-head { padding: 6px 8px 6px 10px; display: flex; flex-direction: column; gap: 6px; border-bottom: 1px solid var(--mlops-line); }
.mlops-Sidebar-head h2 { margin: 0; font-size: 13px; font-weight: 600; }
.mlops-Sidebar-head .mlops-Bar { gap: 2px; }
.mlops-Total { font-size: 12px; margin-left: 5px; }
.mlops-Sidebar-runs { flex: 1; min-height: 120px; overflow: hidden; display: flex; flex-direction: column; }

.mlops-Search { position: relative; }
.mlops-Search-field {
  width: 100%; height: 26px; padding: 0 24px 0 8px; font: 12px var(--mlops-mono); color: var(--jp-ui-font-color0); background: var(--jp-layout-color0);
  border: 1px solid var(--mlops-line); border-radius: 4px;
}
.mlops-Search-field::placeholder { color: var(--mlops-mute); font-family: var(--jp-ui-font-family); opacity: 1; }
.mlops-Search-field[aria-invalid='true'] { border-color: var(--mlops-bad); }
.mlops-Search-clear { position: absolute; right: 3px; top: 3px; width: 20px; height: 20px; border: 0; background: none; color: var(--mlops-mute); cursor: pointer; font-size: 15px; line-height: 18px; padding: 0; }
.mlops-Search-list {
  position: absolute; z-index: 30; left: 0; right: 0; top: 28px; margin: 0; padding: 4px; list-style: none; max-height: 300px; overflow: auto;
  background: var(--jp-layout-color1); border: 1px solid var(--mlops-line); border-radius: 6px; box-shadow: 0 6px 22px rgb(0 0 0 / 24%);
}
.mlops-Search-list[hidden] { display: none; }
.mlops-Search-list li { display: flex; justify-content: space-between; gap: 10px; padding: 3px 8px; border-radius: 4px; font-size: 12px; cursor: pointer; white-space: nowrap; }
.mlops-Search-list li bdi { font-family: var(--mlops-mono); overflow: hidden; text-overflow: ellipsis; }
.mlops-Search-list li.mlops-cursor, .mlops-Search-list li:hover { background: color-mix(in srgb, var(--jp-brand-color1) 16%, transparent); }
.mlops-Search-refusal { margin: 4px 2px 0; font-size: 12px; color: var(--mlops-bad); overflow-wrap: anywhere; white-space: pre-wrap; }

.mlops-Rows { flex: 1; overflow-y: auto; overflow-x: hidden; overscroll-behavior: contain; }
.mlops-Rows:focus-visible { outline: none !important; }
.mlops-Row { position: absolute; left: 0; right: 0; top: 0; display: flex; align-items: center; gap: 2px; padding-right: 10px; cursor: pointer; border-bottom: 1px solid color-mix(in srgb, var(--mlops-line) 55%, transparent); }
.mlops-Row:hover { background: var(--mlops-fill); }
.mlops-Row.mlops-picked { background: color-mix(in srgb, var(--jp-brand-color1) 13%, transparent); }
.mlops-Rows:focus-visible .mlops-Row.mlops-cursor { box-shadow: inset 0 0 0 2px var(--jp-brand-color1); }
.mlops-Twisty { display: inline-block; width: 14px; flex: none; text-align: center; color: var(--mlops-mute); font-size: 11px; }
.mlops-Twisty.mlops-open { transform: rotate(90deg); }
.mlops-Twisty.mlops-none { visibility: hidden; }
.mlops-Group { display: flex; flex: 1; gap: 8px; align-items: center; min-width: 0; }
.mlops-Group-label { font-weight: 600; overflow: hidden; text-overflow: ellipsis; white-space: nowrap; }
.mlops-Group-mean { font-size: 11px; white-space: nowrap; overflow: hidden; text-overflow: ellipsis; }
.mlops-Run { flex: 1; min-width: 0; display: flex; flex-direction: column; gap: 1px; }
.mlops-Run-top { display: flex; align-items: center; gap: 5px; min-width: 0; height: 20px; white-space: nowrap; }
.mlops-Run-top input { opacity: 0; width: 0 !important; margin-right: -5px !important; }
.mlops-Row:hover .mlops-Run-top input, .mlops-picked .mlops-Run-top input, .mlops-Run-top input:focus-visible { opacity: 1; width: 14px !important; margin-right: 0 !important; }
.mlops-Run-name { font-weight: 500; overflow: hidden; text-overflow: ellipsis; white-space: nowrap; min-width: 30px; }
.mlops-Rev, .mlops-Run-top time, .mlops-Run-live { font-size: 11px; flex: none; }
.mlops-Run-below { display: flex; align-items: center; gap: 10px; height: 18px; padding-left: 19px; font-size: 11.5px; min-width: 0; white-space: nowrap; overflow: hidden; }
.mlops-Metric { overflow: hidden; text-overflow: ellipsis; min-width: 0; flex: 0 1 auto; }
.mlops-Metric b { font-weight: 600; }
.mlops-Picked { display: flex; gap: 6px; align-items: center; padding: 5px 8px; border-top: 1px solid var(--mlops-line); font-size: 12px; }

.mlops-Section { border-top: 1px solid var(--mlops-line); flex: none; }
.mlops-Section h3 { margin: 0; display: flex; }
.mlops-Section h3 button { flex: 1; display: flex; align-items: center; gap: 4px; height: 28px; padding: 0 10px 0 6px; background: none; border: 0; font: inherit; font-size: 12px; font-weight: 600; color: var(--jp-ui-font-color0); cursor: pointer; }
.mlops-Section h3 button:hover { background: var(--mlops-fill); }
.mlops-Section h3 button:focus-visible { outline-offset: -2px !important; }
.mlops-Section-body { max-height: 190px; overflow: auto; padding-bottom: 4px; }
.mlops-List { list-style: none; margin: 0; padding: 0; }
.mlops-Item, .mlops-Service { display: flex; width: 100%; align-items: center; gap: 6px; min-height: 26px; padding: 0 10px 0 20px; font: inherit; font-size: 12px; border: 0; background: none; color: var(--jp-ui-font-color0); cursor: pointer; text-align: left; white-space: nowrap; }
.mlops-Item:hover { background: var(--mlops-fill); }
.mlops-Item:focus-visible { outline-offset: -2px !important; }
.mlops-Item-name { overflow: hidden; text-overflow: ellipsis; min-width: 40px; }
.mlops-List progress { display: block; width: calc(100% - 52px); margin: 0 10px 4px 42px; height: 4px; accent-color: var(--jp-brand-color1); }
.mlops-Saved { min-width: 210px; }
.mlops-Saved p { margin: 8px 0 2px; font-size: 12px; }
.mlops-Saved ul { list-style: none; margin: 4px 0 0; padding: 0; }
.mlops-Saved li { display: flex; align-items: center; min-height: 24px; gap: 6px; }
.mlops-Saved li .mlops-Link { flex: 1; overflow: hidden; text-overflow: ellipsis; font-size: 12px; }
`,""]),p.d(e,{},{A:n})},37(o){o.exports=function(o){var e=[];return e.toString=function(){return this.map(function(e){var p="",r=void 0!==e[5];return e[4]&&(p+="@supports (".concat(e[4],") {")),e[2]&&(p+="@media ".concat(e[2]," {")),r&&(p+="@layer".concat(e[5].length>0?" ".concat(e[5]):""," {")),p+=o(e),r&&(p+="}"),e[2]&&(p+="}"),e[4]&&(p+="}"),p}).join("")},e.i=function(o,p,r,l,i){"string"==typeof o&&(o=[[null,o,void 0]]);var n={};if(r)for(var t=0;t<this.length;t++){var a=this[t][0];null!=a&&(n[a]=!0)}for(var s=0;s<o.length;s++){var m=[].concat(o[s]);r&&n[m[0]]||(void 0!==i&&(void 0===m[5]||(m[1]="@layer".concat(m[5].length>0?" ".concat(m[5]):""," {").concat(m[1],"}")),m[5]=i),p&&(m[2]&&(m[1]="@media ".concat(m[2]," {").concat(m[1],"}")),m[2]=p),l&&(m[4]?(m[1]="@supports (".concat(m[4],") {").concat(m[1],"}"),m[4]=l):m[4]="".concat(l)),e.push(m))}},e}},36(o){o.exports=function(o){return o[1]}},29(o){var e=[];function p(o){for(var p=-1,r=0;r<e.length;r++)if(e[r].identifier===o){p=r;break}return p}function r(o,r){for(var l={},i=[],n=0;n<o.length;n++){var t=o[n],a=r.base?t[0]+r.base:t[0],s=l[a]||0,m="".concat(a," ").concat(s);l[a]=s+1;var d=p(m),c={css:t[1],media:t[2],sourceMap:t[3],supports:t[4],layer:t[5]};if(-1!==d)e[d].references++,e[d].updater(c);else{var x=function(o,e){var p=e.domAPI(e);return p.update(o),function(e){e?(e.css!==o.css||e.media!==o.media||e.sourceMap!==o.sourceMap||e.supports!==o.supports||e.layer!==o.layer)&&p.update(o=e):p.remove()}}(c,r);r.byIndex=n,e.splice(n,0,{identifier:m,updater:x,references:1})}i.push(m)}return i}o.exports=function(o,l){var i=r(o=o||[],l=l||{});return function(o){o=o||[];for(var n=0;n<i.length;n++){var t=p(i[n]);e[t].references--}for(var a=r(o,l),s=0;s<i.length;s++){var m=p(i[s]);0===e[m].references&&(e[m].updater(),e.splice(m,1))}i=a}}},31(o){var e={};o.exports=function(o,p){var r=function(o){if(void 0===e[o]){var p=document.querySelector(o);if(window.HTMLIFrameElement&&p instanceof window.HTMLIFrameElement)try{p=p.contentDocument.head}catch(o){p=null}e[o]=p}return e[o]}(o);if(!r)throw Error("Couldn't find a style target. This probably means that the value for the 'insert' parameter is invalid.");r.appendChild(p)}},33(o){o.exports=function(o){var e=document.createElement("style");return o.setAttributes(e,o.attributes),o.insert(e,o.options),e}},32(o,e,p){o.exports=function(o){var e=p.nc;e&&o.setAttribute("nonce",e)}},30(o){o.exports=function(o){if("u"<typeof document)return{update:function(){},remove:function(){}};var e=o.insertStyleElement(o);return{update:function(p){var r,l,i;r="",p.supports&&(r+="@supports (".concat(p.supports,") {")),p.media&&(r+="@media ".concat(p.media," {")),(l=void 0!==p.layer)&&(r+="@layer".concat(p.layer.length>0?" ".concat(p.layer):""," {")),r+=p.css,l&&(r+="}"),p.media&&(r+="}"),p.supports&&(r+="}"),(i=p.sourceMap)&&"u">typeof btoa&&(r+="\n/*# sourceMappingURL=data:application/json;base64,".concat(btoa(unescape(encodeURIComponent(JSON.stringify(i))))," */")),o.styleTagTransform(r,e,o.options)},remove:function(){var o;null===(o=e).parentNode||o.parentNode.removeChild(o)}}}},34(o){o.exports=function(o,e){if(e.styleSheet)e.styleSheet.cssText=o;else{for(;e.firstChild;)e.removeChild(e.firstChild);e.appendChild(document.createTextNode(o))}}},28(o,e,p){var r=p(29),l=p.n(r),i=p(30),n=p.n(i),t=p(31),a=p.n(t),s=p(32),m=p.n(s),d=p(33),c=p.n(d),x=p(34),u=p.n(x),f=p(35),h={};h.styleTagTransform=u(),h.setAttributes=m(),h.insert=a().bind(null,"head"),h.domAPI=n(),h.insertStyleElement=c(),l()(f.A,h),f.A&&f.A.locals&&f.A.locals}}]);