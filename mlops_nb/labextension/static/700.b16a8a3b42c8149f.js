"use strict";(self.rspackChunkmlops_nb=self.rspackChunkmlops_nb||[]).push([[700],{40(o,p,e){var l=e(38),r=e.n(l),i=e(39),a=(e.n(i))()(r());a.push([o.id,`/* JupyterLab's own theme variables; nothing is coloured without one, but for the meanings good, bad, warn and running. */
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
.mlops-Popover-body,
.mlops-Dialog {
  color: var(--jp-ui-font-color0);
  font: var(--jp-ui-font-size1, 13px) / 1.45 var(--jp-ui-font-family);
  font-variant-numeric: tabular-nums;
}

.mlops-Sidebar *, .mlops-Card *, .mlops-Page *, .mlops-Popover-body *, .mlops-Dialog * { box-sizing: border-box; }
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
:is(.mlops-Sidebar, .mlops-Card, .mlops-Page, .mlops-Popover-body, .mlops-Dialog, .mlops-Status-host) :is(button, input, select, textarea, summary, a, [tabindex]):focus-visible {
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
  position: fixed; z-index: 10000; box-sizing: border-box; min-width: 190px; max-width: 330px; overflow: hidden auto; padding: 8px 12px 10px;
  background: var(--jp-layout-color1); border: 1px solid var(--mlops-line); border-radius: 6px; box-shadow: 0 6px 22px rgb(0 0 0 / 24%);
}
.mlops-Options { border: 0; margin: 0 0 6px; padding: 0; min-width: 0; }
.mlops-Options legend { font-size: 11px; color: var(--mlops-mute); padding: 4px 0 2px; }
.mlops-Options label { display: flex; align-items: center; gap: 7px; height: 24px; font-size: 12px; cursor: pointer; white-space: nowrap; }
:is(.mlops-Sidebar, .mlops-Page, .mlops-Popover-body, .mlops-Dialog) input:is([type='checkbox'], [type='radio']) { accent-color: var(--jp-brand-color1); width: 14px; height: 14px; margin: 0; flex: none; }

.mlops-Empty { padding: 18px 16px; color: var(--jp-ui-font-color0); display: flex; flex-direction: column; gap: 8px; align-items: flex-start; }
.mlops-Empty p { margin: 0; color: var(--mlops-mute); }
.mlops-Empty .mlops-Empty-title { font-weight: 600; font-size: 14px; color: var(--jp-ui-font-color0); }
.mlops-Empty pre { margin: 0; font: 12px/1.5 var(--mlops-mono); padding: 4px 10px; background: var(--mlops-fill); border-radius: 4px; color: var(--jp-ui-font-color0); }
.mlops-Trouble { display: flex; flex-wrap: wrap; gap: 4px 8px; align-items: center; padding: 8px 12px; font-size: 12px; color: var(--jp-ui-font-color0); background: color-mix(in srgb, var(--mlops-bad) 14%, var(--jp-layout-color1)); border-left: 3px solid var(--mlops-bad); }
.mlops-Trouble span { flex: 1 1 230px; overflow-wrap: anywhere; }
.mlops-Hint { margin: 0; padding: 4px 12px 8px 24px; font-size: 12px; color: var(--mlops-mute); }
.mlops-Loading { padding: 8px 12px; display: flex; flex-direction: column; gap: 12px; }
.mlops-Loading-row { height: 14px; border-radius: 4px; background: var(--mlops-fill); }
.mlops-Loading-row:nth-child(even) { width: 62%; }
.mlops-Spark { flex: none; display: inline-block; vertical-align: middle; overflow: visible; }
.mlops-Spark path { fill: none; stroke: var(--jp-brand-color1); stroke-width: 1.4; stroke-linejoin: round; stroke-linecap: round; }
.mlops-Spark circle { fill: var(--jp-brand-color1); }

.mlops-Status-host { display: flex; align-items: center; }
.mlops-Status { font: inherit; background: none; border: 0; color: inherit; cursor: pointer; padding: 0 6px; height: 100%; line-height: 24px; white-space: nowrap; }
.mlops-Status:hover { background: var(--jp-layout-color3); }

@media (prefers-reduced-motion: no-preference) {
  .mlops-Loading-row { animation: mlops-breathe 1.6s ease-in-out infinite; }
  .mlops-Twisty { transition: transform 0.1s; }
}
@keyframes mlops-breathe { 50% { opacity: 0.45; } }
.mlops-Options label.mlops-Options-switch { border-bottom: 1px solid var(--mlops-line); padding-bottom: 5px; margin-bottom: 4px; height: 30px; }
`,""]),e.d(p,{},{A:a})},42(o,p,e){var l=e(38),r=e.n(l),i=e(39),a=(e.n(i))()(r());a.push([o.id,`.mlops-Card { border: 1px solid var(--mlops-line); border-left: 3px solid var(--mlops-tone, var(--mlops-line)); border-radius: 4px; padding: 7px 12px 8px; margin: 3px 0; background: var(--jp-layout-color0); }
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
.mlops-Tile-name { font-size: 11px; color: var(--mlops-mute); font-weight: 400; }
.mlops-Tile-value { margin: 0; display: flex; align-items: center; gap: 8px; }
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
.mlops-Card-line { overflow: hidden; text-overflow: ellipsis; }
.mlops-Card-live progress { width: 120px; height: 6px; flex: none; accent-color: var(--mlops-run); }
.mlops-Card-live .mlops-num { flex: none; font-size: 12px; white-space: pre; }
.mlops-Pulse { width: 8px; height: 8px; border-radius: 50%; background: var(--mlops-run); flex: none; }
.mlops-Facts { border-collapse: collapse; font-size: 12px; margin: 8px 0 0; }
.jp-RenderedHTMLCommon .mlops-Facts, .mlops-Facts { table-layout: auto; }
.mlops-Facts tr { border-top: 1px solid var(--mlops-line); }
.mlops-Facts :is(th, td) { text-align: left; font-weight: 400; padding: 3px 16px 3px 0; vertical-align: top; overflow-wrap: anywhere; }
.mlops-Facts th { color: var(--mlops-mute); white-space: nowrap; }

.jp-Cell .mlops-Mark {
  position: absolute; left: 16px; top: 27px; width: 60px; text-align: right; z-index: 2; font: 700 12px/16px var(--jp-ui-font-family); background: none; border: 0; padding: 1px 3px; cursor: pointer; border-radius: 3px;
}
.jp-Cell { position: relative; }
.mlops-Mark span + span { margin-left: 3px; }
.mlops-Mark:hover { background: var(--jp-layout-color2); }
.mlops-Mark.mlops-stale { opacity: 0.85; }
.mlops-Strip { margin: 2px 8px 4px calc(var(--jp-cell-prompt-width, 64px) + var(--jp-cell-collapser-width, 8px) + var(--jp-cell-collapser-width, 8px)); }
@media (prefers-reduced-motion: no-preference) {
  .mlops-Pulse { animation: mlops-breathe 1.2s ease-in-out infinite; }
}
`,""]),e.d(p,{},{A:a})},37(o,p,e){var l=e(38),r=e.n(l),i=e(39),a=e.n(i),t=e(40),s=e(41),n=e(42),m=e(43),d=a()(r());d.i(t.A),d.i(s.A),d.i(n.A),d.i(m.A),d.push([o.id,`
`,""]),e.d(p,{},{A:d})},43(o,p,e){var l=e(38),r=e.n(l),i=e(39),a=(e.n(i))()(r());a.push([o.id,`.mlops-Page-host { overflow: hidden; background: var(--jp-layout-color1); }
.mlops-Page { height: 100%; display: flex; flex-direction: column; background: var(--jp-layout-color1); --mlops-ground: var(--jp-layout-color1); }
.mlops-Page h1 { font-size: 17px; font-weight: 600; margin: 0; line-height: 1.4; overflow-wrap: anywhere; }
.mlops-Page h2 { font-size: 13px; font-weight: 600; margin: 18px 0 6px; }
.mlops-Page section:first-child > h2:first-child, .mlops-Columns h2:first-child { margin-top: 4px; }
.mlops-RunHead { padding: 12px 18px 8px; flex: none; }
.mlops-RunHead-title { display: flex; align-items: center; gap: 8px; flex-wrap: wrap; }
.mlops-RunHead-buttons { display: flex; flex: 0 0 auto; flex-wrap: wrap; gap: 8px; }
.mlops-RunPage { container-type: inline-size; }
/* Buttons stay beside a long name, which is cut; in a narrow panel they stand under it. */
@container (min-width: 640px) {
  .mlops-RunHead-title { flex-wrap: nowrap; }
  .mlops-RunHead-title > h1 { min-width: 80px; overflow: hidden; text-overflow: ellipsis; white-space: nowrap; }
  .mlops-RunHead-title > .mlops-Badge { flex: none; }
}
@container (max-width: 639.9px) {
  .mlops-RunHead-title > h1 { flex: 1 1 60%; min-width: 0; }
  .mlops-RunHead-title > .mlops-grow { display: none; }
  .mlops-RunHead-title > .mlops-RunHead-buttons { flex: 1 1 100%; }
  .mlops-RunPage > .mlops-Tabs { flex-wrap: wrap; }
}
.mlops-RunHead-title > input { font: inherit; font-size: 16px; font-weight: 600; }
.mlops-RunHead-facts { display: flex; flex-wrap: wrap; gap: 2px 16px; margin: 5px 0 0; font-size: 12px; align-items: baseline; }
.mlops-Tabs { display: flex; gap: 2px; padding: 0 14px; border-bottom: 1px solid var(--mlops-line); flex: none; overflow-x: auto; scrollbar-width: thin; }
.mlops-Tabs button { font: inherit; font-size: 13px; border: 0; background: none; color: var(--mlops-mute); padding: 7px 10px 6px; cursor: pointer; border-bottom: 2px solid transparent; white-space: nowrap; display: flex; gap: 6px; align-items: center; }
.mlops-Tabs button:hover { color: var(--jp-ui-font-color0); }
.mlops-Tabs button.mlops-on { color: var(--jp-ui-font-color0); border-bottom-color: var(--jp-brand-color1); text-shadow: 0 0 0.7px currentColor; }
.mlops-Tabs button:focus-visible { outline-offset: -2px !important; }
.mlops-Tab { flex: 1; overflow: auto; padding: 12px 18px 24px; min-height: 0; }
.mlops-Tab:focus-visible { outline: none !important; }
.mlops-Tab-inner { padding: 12px 0; }
.mlops-Page .mlops-Tab > .mlops-Tabs { padding: 0; margin-top: 16px; }

.mlops-Columns { display: flex; flex-wrap: wrap; gap: 8px 36px; align-items: flex-start; }
.mlops-Columns > section { flex: 1 1 260px; min-width: 0; max-width: 640px; }
.mlops-Scroll { overflow-x: auto; }
.mlops-Table { border-collapse: collapse; font-size: 12.5px; width: auto; min-width: min(100%, 240px); }
.mlops-Table :is(th, td) { text-align: left; font-weight: 400; padding: 4px 18px 4px 0; vertical-align: top; }
.mlops-Table thead th { color: var(--mlops-mute); font-size: 11.5px; vertical-align: bottom; white-space: nowrap; }
.mlops-Table tbody tr { border-top: 1px solid var(--mlops-line); }
.mlops-Table thead + tbody tr:first-child { border-top-color: var(--mlops-mute); }
.mlops-Table tbody th { color: var(--jp-ui-font-color0); }
.mlops-Columns .mlops-Table tbody th { color: var(--mlops-mute); overflow-wrap: anywhere; min-width: 112px; }
.mlops-Columns .mlops-Table td { overflow-wrap: anywhere; min-width: 112px; }
.mlops-Columns .mlops-Table td.mlops-right { white-space: nowrap; overflow-wrap: normal; min-width: 0; }
.mlops-Table .mlops-right, .mlops-right { text-align: right !important; }
.mlops-Table b { font-weight: 600; }
.mlops-Grid-table td, .mlops-Grid-table th { white-space: nowrap; vertical-align: middle; }
.mlops-Grid-table tbody tr:hover { background: var(--mlops-fill); }
.mlops-Grid-table tr.mlops-current { background: color-mix(in srgb, var(--jp-brand-color1) 11%, transparent); }
.mlops-Grid-table tr > :first-child { padding-left: 6px; }
.mlops-Grid-table .mlops-Chip { margin-right: 4px; }
.mlops-changed { background: color-mix(in srgb, var(--mlops-warn) 17%, transparent); border-radius: 3px; padding: 0 4px; }
.mlops-Tags { display: flex; flex-wrap: wrap; gap: 5px; align-items: center; }
.mlops-Tags .mlops-Chip button { border: 0; background: none; color: var(--mlops-mute); cursor: pointer; padding: 0 0 0 4px; font-size: 12px; }
.mlops-Page :is(input:not([type]), input[type='text'], select, textarea), .mlops-Dialog :is(input:not([type='checkbox']), select) {
  font: inherit; font-size: 12.5px; height: 26px; color: var(--jp-ui-font-color0); background: var(--jp-layout-color0); border: 1px solid var(--mlops-line); border-radius: 4px; padding: 0 8px; max-width: 100%;
}
.mlops-Page input::placeholder { color: var(--mlops-mute); opacity: 1; }
.mlops-Tags input { width: 110px; height: 20px !important; border-radius: 9px !important; font-size: 11px !important; }
.mlops-Page textarea.mlops-Area { width: 100%; height: 76px; padding: 6px 8px; margin-top: 6px; }
.mlops-Note { border-left: 3px solid var(--mlops-line); background: var(--mlops-fill); border-radius: 3px; padding: 7px 12px; margin: 0 0 12px; overflow-wrap: anywhere; }
.mlops-Note ul { margin: 4px 0 0; padding-left: 18px; }
.mlops-Note p { margin: 2px 0; }
.mlops-warn-box { border-left-color: var(--mlops-warn); background: color-mix(in srgb, var(--mlops-warn) 10%, transparent); }
.mlops-bad-box { border-left-color: var(--mlops-bad); background: color-mix(in srgb, var(--mlops-bad) 10%, transparent); }
.mlops-good-box { border-left-color: var(--mlops-good); background: color-mix(in srgb, var(--mlops-good) 10%, transparent); }
.mlops-VerdictBox { font-size: 14px; display: flex; gap: 10px; }
.mlops-VerdictBox .mlops-Badge { font-size: 14px; }
.mlops-ErrorBox { border-left: 3px solid var(--mlops-bad); padding: 4px 12px 6px; margin-bottom: 14px; background: color-mix(in srgb, var(--mlops-bad) 8%, transparent); border-radius: 3px; }
.mlops-ErrorBox p { margin: 0; display: flex; gap: 10px; align-items: baseline; font-family: var(--mlops-mono); font-size: 12px; overflow-wrap: anywhere; }
.mlops-ErrorBox pre { margin: 6px 0 0; font: 12px/1.45 var(--mlops-mono); overflow: auto; max-height: 340px; }

.mlops-Controls { display: flex; flex-wrap: wrap; gap: 6px 18px; align-items: center; margin-bottom: 10px; font-size: 12.5px; }
.mlops-Controls label { display: inline-flex; align-items: center; gap: 6px; }
.mlops-Controls input[type='range'] { width: 120px; accent-color: var(--jp-brand-color1); }
.mlops-Controls output { min-width: 2.4em; font-variant-numeric: tabular-nums; }
.mlops-Charts { display: grid; grid-template-columns: repeat(auto-fill, minmax(min(100%, 400px), 1fr)); gap: 16px 24px; }
.mlops-Chart-cell { min-width: 0; }
.mlops-Chart { margin: 0; min-width: 0; }
.mlops-Chart figcaption { font-size: 12.5px; font-weight: 600; display: flex; gap: 12px; justify-content: space-between; min-height: 18px; }
.mlops-Chart-read { font-weight: 400; font-size: 11.5px; white-space: nowrap; overflow: hidden; text-overflow: ellipsis; }
.mlops-Chart-foot { margin: 0; font-size: 11.5px; display: flex; flex-wrap: wrap; gap: 2px 12px; }
.mlops-Page i { display: inline-block; width: 10px; height: 10px; border-radius: 3px; flex: none; vertical-align: -1px; }
.mlops-Chart .u-select { background: color-mix(in srgb, var(--jp-brand-color1) 20%, transparent); }
.mlops-Chart .u-cursor-x, .mlops-Chart .u-cursor-y { border-color: var(--mlops-mute); }

.mlops-Code, .mlops-Text { font: 12.5px/1.5 var(--mlops-mono); margin: 0; padding: 10px 14px; background: var(--jp-cell-editor-background, var(--mlops-fill)); border: 1px solid var(--mlops-line); border-radius: 4px; overflow: auto; color: var(--jp-ui-font-color0); white-space: pre; }
.mlops-Code code { font: inherit; background: none; padding: 0; color: inherit; }
.mlops-SliceCell { display: grid; grid-template-columns: 44px 1fr; gap: 6px; margin-bottom: 8px; }
.mlops-SliceCell > .mlops-mute { padding-top: 11px; text-align: right; }
.mlops-SliceCell > pre { min-width: 0; }
.mlops-Diff { border-collapse: collapse; font: 12.5px/1.5 var(--mlops-mono); width: 100%; border: 1px solid var(--mlops-line); }
.mlops-Diff td { padding: 0 8px; vertical-align: top; white-space: pre-wrap; overflow-wrap: anywhere; }
.mlops-Diff .mlops-Diff-no { color: var(--mlops-mute); text-align: right; width: 38px; user-select: none; white-space: nowrap; }
.mlops-Diff .mlops-Diff-sign { width: 14px; padding: 0 2px; text-align: center; user-select: none; }
.mlops-Diff-add { background: color-mix(in srgb, var(--mlops-good) 15%, transparent); }
.mlops-Diff-del { background: color-mix(in srgb, var(--mlops-bad) 13%, transparent); }
.mlops-Diff-skip td { color: var(--mlops-mute); background: var(--mlops-fill); padding: 2px 12px; }

.mlops-Lineage path { fill: none; stroke: var(--mlops-mute); stroke-width: 1.3; }
.mlops-Node rect { fill: var(--jp-layout-color0); stroke: var(--mlops-line); }
.mlops-Node text { font-size: 12px; fill: var(--jp-ui-font-color0); }
.mlops-Node .mlops-Node-kind { font-size: 10.5px; fill: var(--mlops-mute); }
.mlops-Node-run rect { stroke: color-mix(in srgb, var(--mlops-run) 60%, transparent); }
.mlops-Node-model rect, .mlops-Node-version rect { stroke: color-mix(in srgb, var(--mlops-good) 70%, transparent); }
.mlops-Node.mlops-on rect { stroke-width: 2; fill: color-mix(in srgb, var(--jp-brand-color1) 12%, var(--jp-layout-color0)); }
.mlops-goes { cursor: pointer; }

.mlops-Find { width: 190px; margin: 4px 0; }
.mlops-Packages { columns: 190px; column-gap: 16px; font: 12px/1.55 var(--mlops-mono); max-height: 420px; overflow: auto; margin-top: 6px; }
.mlops-Packages > span { display: block; overflow: hidden; text-overflow: ellipsis; white-space: nowrap; }
.mlops-Packages .mlops-imported { font-weight: 600; }

.mlops-Files { display: grid; grid-template-columns: minmax(200px, 320px) 1fr; gap: 18px; height: 100%; min-height: 300px; }
.mlops-Files-list { list-style: none; margin: 0; padding: 0; overflow: auto; border-right: 1px solid var(--mlops-line); }
.mlops-Files-list .mlops-Item { padding: 0 10px 0 6px; }
.mlops-Files-list .mlops-in .mlops-Item { padding-left: 18px; }
.mlops-Files-list .mlops-Item[aria-pressed='true'] { background: color-mix(in srgb, var(--jp-brand-color1) 14%, transparent); }
.mlops-Preview { min-width: 0; overflow: auto; display: flex; flex-direction: column; gap: 8px; }
.mlops-Preview img { max-width: 100%; align-self: flex-start; background: #fff; }
.mlops-Preview iframe { flex: 1; min-height: 360px; border: 1px solid var(--mlops-line); background: #fff; width: 100%; }
.mlops-Log, .mlops-Job-log { max-height: none; overflow: auto; }
.mlops-Log { height: calc(100% - 8px); border: 1px solid var(--mlops-line); border-radius: 4px; background: var(--jp-layout-color0); }
.mlops-Log pre { margin: 0; padding: 10px 14px; font: 12.5px/1.5 var(--mlops-mono); white-space: pre-wrap; overflow-wrap: anywhere; }
.mlops-Job-log { max-height: 60vh; white-space: pre-wrap; overflow-wrap: anywhere; }
.mlops-Outputs { max-width: 100%; overflow: auto; }
.mlops-Progress { display: flex; gap: 12px; align-items: center; margin-top: 10px; font-size: 12px; }
.mlops-Progress progress { width: min(420px, 50%); height: 8px; accent-color: var(--jp-brand-color1); }

.mlops-Keys { list-style: none; display: flex; flex-wrap: wrap; gap: 4px 6px; margin: 8px 0 0; padding: 0; max-height: 84px; overflow: auto; }
.mlops-Keys li { display: inline-flex; gap: 5px; align-items: center; border: 1px solid var(--mlops-line); border-radius: 13px; padding: 0 9px; font-size: 12px; height: 24px; }
.mlops-Page code.mlops-mute { font: 11px var(--mlops-mono); background: none; padding: 0; color: var(--mlops-mute); }
.mlops-Side :is(th, td) { white-space: nowrap; }
.mlops-Side thead th { color: var(--jp-ui-font-color0); font-weight: 600; }
.mlops-Side tr > :first-child { position: sticky; left: 0; background: var(--jp-layout-color1); }
.mlops-Side tbody th { color: var(--mlops-mute) !important; }
.mlops-Side .mlops-Side-section th { color: var(--jp-ui-font-color0) !important; font-weight: 600; padding-top: 12px; }
.mlops-SideOutputs { display: flex; gap: 18px; overflow-x: auto; align-items: flex-start; }
.mlops-Page .mlops-SideOutputs h2 { margin-top: 4px; }
.mlops-SideOutputs > section { flex: 1 0 300px; max-width: 620px; }
.mlops-SideOutputs :is(img, iframe, pre) { max-width: 100%; margin-bottom: 8px; }
.mlops-SideOutputs img { background: #fff; }
.mlops-SideOutputs iframe { width: 100%; height: 260px; border: 1px solid var(--mlops-line); }
.mlops-SideOutputs pre { max-height: 320px; white-space: pre-wrap; }
.mlops-Parallel svg { display: block; }
.mlops-Line { fill: none; stroke-width: 1.6; stroke-opacity: 0.75; stroke-linejoin: round; }
.mlops-Line.mlops-hot { stroke-width: 3.5; stroke-opacity: 1; }
.mlops-Line.mlops-dim { stroke-opacity: 0.18; }
.mlops-Axis { stroke: var(--mlops-mute); stroke-width: 1; }
.mlops-Axis-name { font-size: 12px; font-weight: 600; fill: var(--jp-ui-font-color0); }
.mlops-Axis-kind, .mlops-Tick { font-size: 10.5px; fill: var(--mlops-mute); }
.mlops-Tick { paint-order: stroke; stroke: var(--jp-layout-color1); stroke-width: 3px; }
.mlops-Dot { fill-opacity: 0.85; }
.mlops-Bars td span { display: inline-block; height: 10px; border-radius: 2px; background: var(--jp-brand-color1); }

.mlops-Places { display: flex; flex-wrap: wrap; gap: 8px; margin: 8px 0 0; }
.mlops-Place { display: inline-flex; gap: 8px; align-items: center; border: 1px solid var(--mlops-line); border-radius: 4px; padding: 3px 8px; font-size: 12px; }
.mlops-Description { margin: 4px 0 0; white-space: pre-wrap; }
.mlops-Edit { text-decoration: underline; font-size: 12px; }
.mlops-ModelCard { width: 100%; height: 640px; border: 1px solid var(--mlops-line); border-radius: 4px; background: #fff; }
body[data-jp-theme-light='false'] .mlops-ModelCard { background: #1b1b1b; }

.mlops-GridHead { display: flex; gap: 10px; align-items: center; padding: 10px 16px; flex: none; border-bottom: 1px solid var(--mlops-line); }
.mlops-GridHead :is(h1, label) { white-space: nowrap; }
.mlops-Page .mlops-GridHead select { max-width: 170px; }
.mlops-GridHead .mlops-Search { flex: 1; min-width: 160px; }
.mlops-GridHead label { display: inline-flex; align-items: center; gap: 6px; }
.mlops-GridHead .mlops-Search-refusal { position: absolute; z-index: 5; background: var(--jp-layout-color1); padding: 2px 6px; }
.mlops-Text-icon { font: 12px var(--jp-ui-font-family); white-space: nowrap; }
.mlops-Grid { flex: 1; overflow: auto; min-height: 0; overscroll-behavior: contain; }
.mlops-Grid:focus-visible { outline: none !important; }
.mlops-Grid-groups { padding: 8px 16px; }
.mlops-Grid-head, .mlops-Grid-row { display: grid; width: max-content; min-width: 100%; align-items: stretch; background: var(--jp-layout-color1); }
.mlops-Grid-head { position: sticky; top: 0; z-index: 3; height: 30px; border-bottom: 1px solid var(--mlops-line); font-size: 11.5px; color: var(--mlops-mute); }
.mlops-Grid-head > span { display: flex; align-items: center; background: var(--jp-layout-color1); overflow: hidden; }
.mlops-Grid-head > span.mlops-right { justify-content: flex-end; }
.mlops-Grid-head button { font: inherit; border: 0; background: none; color: inherit; cursor: pointer; padding: 0 8px; white-space: nowrap; overflow: hidden; text-overflow: ellipsis; }
.mlops-Grid-head span[aria-sort='ascending'] button, .mlops-Grid-head span[aria-sort='descending'] button { color: var(--jp-ui-font-color0); font-weight: 600; }
.mlops-Grid-head .mlops-Pin { padding: 0 4px; opacity: 0; flex: none; display: flex; align-items: center; }
.mlops-Grid-head .mlops-Pin:focus-visible { opacity: 1; }
.mlops-Grid-head span:hover .mlops-Pin, .mlops-Grid-head .mlops-Pin.mlops-on { opacity: 1; }
.mlops-Grid-row { position: absolute; left: 0; top: 0; font-size: 12.5px; border-bottom: 1px solid color-mix(in srgb, var(--mlops-line) 55%, transparent); }
.mlops-Grid-row > span { padding: 0 8px; line-height: 27px; overflow: hidden; text-overflow: ellipsis; white-space: nowrap; background: var(--jp-layout-color1); }
.mlops-Grid-row > span:has(> .mlops-St) { display: flex; gap: 5px; align-items: center; }
.mlops-Grid-row:hover { --mlops-ground: color-mix(in srgb, var(--jp-ui-font-color0) 5%, var(--jp-layout-color1)); }
.mlops-Grid-row:hover > span { background: color-mix(in srgb, var(--jp-ui-font-color0) 5%, var(--jp-layout-color1)); }
.mlops-Grid-row.mlops-picked > span { background: color-mix(in srgb, var(--jp-brand-color1) 13%, var(--jp-layout-color1)); }
.mlops-Grid:focus-visible .mlops-Grid-row.mlops-cursor { box-shadow: inset 0 0 0 2px var(--jp-brand-color1); z-index: 2; }
.mlops-Grid-row .mlops-Grid-pick { position: sticky; left: 0; z-index: 1; padding: 0 0 0 9px; display: flex; align-items: center; }
.mlops-Grid-head .mlops-Grid-pick { position: sticky; left: 0; z-index: 1; }
.mlops-Statuses { margin-right: 10px; white-space: nowrap; }

.mlops-FormPage { overflow: auto; }
.mlops-Form { padding: 16px 22px 30px; max-width: 640px; display: flex; flex-direction: column; gap: 12px; }
.mlops-Form > .mlops-Choices { align-self: flex-start; }
.mlops-Field { display: grid; grid-template-columns: minmax(120px, 190px) minmax(140px, 260px) auto; gap: 2px 12px; align-items: center; }
.mlops-Field > label { display: flex; justify-content: space-between; gap: 8px; overflow: hidden; }
.mlops-Field :is(input, select) { width: 100%; }
.mlops-Field > .mlops-Button { justify-self: start; }
.mlops-Field :is(input, select).mlops-changed { border-color: var(--mlops-warn) !important; background: color-mix(in srgb, var(--mlops-warn) 9%, var(--jp-layout-color0)) !important; }
.mlops-Field input[aria-invalid='true'] { border-color: var(--mlops-bad) !important; }
.mlops-Field-help { grid-column: 2 / 4; margin: 0; font-size: 11.5px; }
.mlops-Field-help:empty { display: none; }
.mlops-Form .mlops-Empty { padding: 0; }

/* JupyterLab's dialogs are <dialog> elements, to which browsers give a frame; this one is as large as the window. */
.jp-Dialog:has(.mlops-Dialog) { border: 0; }
.mlops-Dialog { min-width: 400px; }
.mlops-Dialog-field { display: flex; flex-direction: column; gap: 3px; margin-bottom: 12px; }
.mlops-Dialog-field > span { font-weight: 600; font-size: 12px; }
.mlops-Dialog-field :is(input, select) { height: 28px !important; }
.mlops-Dialog-check { display: flex; gap: 8px; align-items: center; margin-bottom: 12px; }
.mlops-Checks { list-style: none; padding: 0 !important; }
.mlops-Row-buttons > .mlops-Button { margin-left: 6px; }
/* What can be done stays in sight beside however many metrics. */
.mlops-Grid-table :is(td, th).mlops-Row-buttons { position: sticky; right: 0; background: linear-gradient(90deg, transparent, var(--mlops-row, var(--jp-layout-color1)) 14px); padding-left: 18px; }
.mlops-Grid-table tr.mlops-current { --mlops-row: color-mix(in srgb, var(--jp-brand-color1) 11%, var(--jp-layout-color1)); }
.mlops-Dialog :is(input, select, textarea):focus-visible { outline-offset: -1px !important; }
`,""]),e.d(p,{},{A:a})},41(o,p,e){var l=e(38),r=e.n(l),i=e(39),a=(e.n(i))()(r());a.push([o.id,`.mlops-Host { display: flex; flex-direction: column; min-width: 300px !important; background: var(--jp-layout-color1); }
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
.mlops-Search-refusal { margin: 4px 2px 0; font-size: 12px; color: var(--mlops-bad); overflow-wrap: anywhere; }
.mlops-Search-refusal code { display: block; white-space: pre; overflow-x: auto; font-size: 11.5px; color: inherit; background: none; padding: 2px 0; scrollbar-width: thin; }

.mlops-Rows { contain: strict; flex: 1; overflow-y: auto; overflow-x: hidden; overscroll-behavior: contain; }
.mlops-Rows:focus-visible { outline: none !important; }
.mlops-Row { position: absolute; left: 0; right: 0; top: 0; display: flex; align-items: center; gap: 2px; padding-right: 10px; cursor: pointer; border-bottom: 1px solid color-mix(in srgb, var(--mlops-line) 55%, transparent); }
.mlops-Row:hover { background: var(--mlops-fill); }
.mlops-Row.mlops-picked { background: color-mix(in srgb, var(--jp-brand-color1) 13%, transparent); }
.mlops-Rows:focus-visible .mlops-Row.mlops-cursor { box-shadow: inset 0 0 0 2px var(--jp-brand-color1); }
.mlops-Twisty { display: inline-block; width: 14px; flex: none; text-align: center; color: var(--mlops-mute); font-size: 11px; }
.mlops-Twisty.mlops-open { transform: rotate(90deg); }
.mlops-Row-run > .mlops-Twisty { align-self: flex-start; line-height: 20px; margin-top: 3px; }
.mlops-Twisty.mlops-none { visibility: hidden; }
.mlops-Group { display: flex; flex: 1; gap: 8px; align-items: center; min-width: 0; }
.mlops-Group-label { flex: 0 1 auto; min-width: 34%; font-weight: 600; overflow: hidden; text-overflow: ellipsis; white-space: nowrap; }
.mlops-Group-mean { flex: 0 40 auto; min-width: 0; font-size: 11px; white-space: nowrap; overflow: hidden; text-overflow: ellipsis; }
.mlops-Run { flex: 1; min-width: 0; display: flex; flex-direction: column; gap: 1px; }
.mlops-Run-top { display: flex; align-items: center; gap: 5px; min-width: 0; height: 20px; white-space: nowrap; }
.mlops-Run { position: relative; }
.mlops-Run-top input { position: absolute; left: 1px; bottom: 2px; opacity: 0; }
.mlops-Row:hover .mlops-Run-top input, .mlops-picked .mlops-Run-top input, .mlops-Run-top input:focus-visible { opacity: 1; }
.mlops-Run-name { font-weight: 500; overflow: hidden; text-overflow: ellipsis; white-space: nowrap; min-width: 18px; }
.mlops-Rev, .mlops-Run-top time, .mlops-Run-live { font-size: 11px; flex: none; }
.mlops-Run-below { display: flex; align-items: center; gap: 10px; height: 18px; padding-left: 19px; font-size: 11.5px; min-width: 0; white-space: nowrap; overflow: hidden; }
.mlops-Metric { display: inline-flex; gap: 4px; min-width: 0; flex: 0 1 auto; align-items: baseline; }
.mlops-Metric-name { overflow: hidden; text-overflow: ellipsis; max-width: 92px; flex: 0 1 auto; }
/* What does not fit wraps out of sight: a value is never cut. */
.mlops-Run-values { flex: 1; min-width: 0; height: 18px; overflow: hidden; display: flex; flex-wrap: wrap; gap: 0 10px; line-height: 18px; }
.mlops-Metric > :not(.mlops-Metric-name) { flex: none; }
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
.mlops-Item-name { overflow: hidden; text-overflow: ellipsis; min-width: 24px; }
.mlops-List progress { display: block; width: calc(100% - 52px); margin: 0 10px 4px 42px; height: 4px; accent-color: var(--jp-brand-color1); }
.mlops-Saved { min-width: 210px; }
.mlops-Saved p { margin: 8px 0 2px; font-size: 12px; }
.mlops-Saved ul { list-style: none; margin: 4px 0 0; padding: 0; }
.mlops-Saved li { display: flex; align-items: center; min-height: 24px; gap: 6px; }
.mlops-Saved li .mlops-Link { flex: 1; padding: 3px 0; line-height: 18px; overflow: hidden; text-overflow: ellipsis; font-size: 12px; }
.mlops-Notice { padding: 6px 12px; font-size: 12px; background: color-mix(in srgb, var(--mlops-warn) 13%, transparent); border-left: 3px solid var(--mlops-warn); overflow-wrap: anywhere; }
.mlops-Sections { flex: 0 1 auto; min-height: 118px; max-height: 58%; overflow: auto; }
/* Notebook 7 gives its side panels less room. */
body[data-notebook] .mlops-Host { min-width: 0 !important; }
`,""]),e.d(p,{},{A:a})},39(o){o.exports=function(o){var p=[];return p.toString=function(){return this.map(function(p){var e="",l=void 0!==p[5];return p[4]&&(e+="@supports (".concat(p[4],") {")),p[2]&&(e+="@media ".concat(p[2]," {")),l&&(e+="@layer".concat(p[5].length>0?" ".concat(p[5]):""," {")),e+=o(p),l&&(e+="}"),p[2]&&(e+="}"),p[4]&&(e+="}"),e}).join("")},p.i=function(o,e,l,r,i){"string"==typeof o&&(o=[[null,o,void 0]]);var a={};if(l)for(var t=0;t<this.length;t++){var s=this[t][0];null!=s&&(a[s]=!0)}for(var n=0;n<o.length;n++){var m=[].concat(o[n]);l&&a[m[0]]||(void 0!==i&&(void 0===m[5]||(m[1]="@layer".concat(m[5].length>0?" ".concat(m[5]):""," {").concat(m[1],"}")),m[5]=i),e&&(m[2]&&(m[1]="@media ".concat(m[2]," {").concat(m[1],"}")),m[2]=e),r&&(m[4]?(m[1]="@supports (".concat(m[4],") {").concat(m[1],"}"),m[4]=r):m[4]="".concat(r)),p.push(m))}},p}},38(o){o.exports=function(o){return o[1]}},31(o){var p=[];function e(o){for(var e=-1,l=0;l<p.length;l++)if(p[l].identifier===o){e=l;break}return e}function l(o,l){for(var r={},i=[],a=0;a<o.length;a++){var t=o[a],s=l.base?t[0]+l.base:t[0],n=r[s]||0,m="".concat(s," ").concat(n);r[s]=n+1;var d=e(m),x={css:t[1],media:t[2],sourceMap:t[3],supports:t[4],layer:t[5]};if(-1!==d)p[d].references++,p[d].updater(x);else{var c=function(o,p){var e=p.domAPI(p);return e.update(o),function(p){p?(p.css!==o.css||p.media!==o.media||p.sourceMap!==o.sourceMap||p.supports!==o.supports||p.layer!==o.layer)&&e.update(o=p):e.remove()}}(x,l);l.byIndex=a,p.splice(a,0,{identifier:m,updater:c,references:1})}i.push(m)}return i}o.exports=function(o,r){var i=l(o=o||[],r=r||{});return function(o){o=o||[];for(var a=0;a<i.length;a++){var t=e(i[a]);p[t].references--}for(var s=l(o,r),n=0;n<i.length;n++){var m=e(i[n]);0===p[m].references&&(p[m].updater(),p.splice(m,1))}i=s}}},33(o){var p={};o.exports=function(o,e){var l=function(o){if(void 0===p[o]){var e=document.querySelector(o);if(window.HTMLIFrameElement&&e instanceof window.HTMLIFrameElement)try{e=e.contentDocument.head}catch(o){e=null}p[o]=e}return p[o]}(o);if(!l)throw Error("Couldn't find a style target. This probably means that the value for the 'insert' parameter is invalid.");l.appendChild(e)}},35(o){o.exports=function(o){var p=document.createElement("style");return o.setAttributes(p,o.attributes),o.insert(p,o.options),p}},34(o,p,e){o.exports=function(o){var p=e.nc;p&&o.setAttribute("nonce",p)}},32(o){o.exports=function(o){if("u"<typeof document)return{update:function(){},remove:function(){}};var p=o.insertStyleElement(o);return{update:function(e){var l,r,i;l="",e.supports&&(l+="@supports (".concat(e.supports,") {")),e.media&&(l+="@media ".concat(e.media," {")),(r=void 0!==e.layer)&&(l+="@layer".concat(e.layer.length>0?" ".concat(e.layer):""," {")),l+=e.css,r&&(l+="}"),e.media&&(l+="}"),e.supports&&(l+="}"),(i=e.sourceMap)&&"u">typeof btoa&&(l+="\n/*# sourceMappingURL=data:application/json;base64,".concat(btoa(unescape(encodeURIComponent(JSON.stringify(i))))," */")),o.styleTagTransform(l,p,o.options)},remove:function(){var o;null===(o=p).parentNode||o.parentNode.removeChild(o)}}}},36(o){o.exports=function(o,p){if(p.styleSheet)p.styleSheet.cssText=o;else{for(;p.firstChild;)p.removeChild(p.firstChild);p.appendChild(document.createTextNode(o))}}},30(o,p,e){var l=e(31),r=e.n(l),i=e(32),a=e.n(i),t=e(33),s=e.n(t),n=e(34),m=e.n(n),d=e(35),x=e.n(d),c=e(36),g=e.n(c),f=e(37),u={};u.styleTagTransform=g(),u.setAttributes=m(),u.insert=s().bind(null,"head"),u.domAPI=a(),u.insertStyleElement=x(),r()(f.A,u),f.A&&f.A.locals&&f.A.locals}}]);