"""The style sheet of a report: one column, light or dark by the reader's setting, white figures."""

CSS = """
:root {
  color-scheme: light dark; --ink: #1d2329; --soft: #59636e; --paper: #f6f7f8; --card: #fff;
  --line: #dde1e5; --accent: #0072b2;
}
@media (prefers-color-scheme: dark) {
  :root {
    --ink: #e6e8ea; --soft: #a2abb5; --paper: #14171a; --card: #1e2226; --line: #343a41;
    --accent: #6cb8e6;
  }
}
* { box-sizing: border-box; }
body {
  margin: 0; background: var(--paper); color: var(--ink);
  font: 16px/1.55 system-ui, -apple-system, "Segoe UI", Roboto, sans-serif;
}
main { max-width: 820px; margin: 0 auto; padding: 2rem 1rem 3rem; }
h1 { font-size: 1.6rem; line-height: 1.25; margin: 0 0 .3rem; overflow-wrap: anywhere; }
h2 { font-size: 1.15rem; line-height: 1.3; margin: 0 0 .8rem; }
p { margin: 0 0 .8rem; }
section {
  background: var(--card); border: 1px solid var(--line); border-radius: 10px; padding: 1.2rem;
  margin: 1.2rem 0 0;
}
.result { border-left: 4px solid var(--accent); }
.number {
  font-size: 2.1rem; font-weight: 650; line-height: 1.2; margin: 0 0 .4rem;
  font-variant-numeric: tabular-nums;
}
.soft, figcaption, caption, th, footer { color: var(--soft); }
.soft:last-child { margin-bottom: 0; }
figure { margin: 0; }
.white { background: #fff; border-radius: 6px; overflow-x: auto; padding: .4rem; }
.white img { display: block; width: 100%; height: auto; }
.white img.wide { min-width: 34rem; }
figcaption { margin-top: .8rem; font-size: .93rem; }
.scroll { overflow-x: auto; }
table {
  border-collapse: collapse; width: 100%; font-size: .95rem; font-variant-numeric: tabular-nums;
}
th, td {
  text-align: left; padding: .4rem .9rem .4rem 0; border-bottom: 1px solid var(--line);
  vertical-align: top;
}
td { overflow-wrap: anywhere; }
tr:last-child > * { border-bottom: 0; }
th { font-weight: 500; }
td.n, th.n { text-align: right; padding-right: 0; padding-left: .7rem; vertical-align: bottom; }
td.n { white-space: nowrap; }
tr.own > * { font-weight: 650; color: var(--ink); }
table.settings th { width: 40%; }
pre {
  margin: 0; padding: .8rem; border: 1px solid var(--line); border-radius: 6px;
  white-space: pre-wrap; overflow-wrap: anywhere;
  font: .88rem/1.5 ui-monospace, Menlo, Consolas, monospace;
}
footer { margin-top: 1.5rem; font-size: .85rem; }
@media print {
  :root {
    color-scheme: light; --ink: #000; --soft: #444; --paper: #fff; --card: #fff; --line: #ccc;
  }
  main { max-width: none; padding: 0; }
  section {
    break-inside: avoid; border: 0; border-top: 1px solid var(--line); border-radius: 0;
    padding: 1rem 0;
  }
  .result { border-left: 0; }
  .white { overflow: visible; padding: 0; }
  .white img { max-height: 22cm; object-fit: contain; }
  .white img.wide { min-width: 0; }
}
@media (max-width: 480px) {
  main { padding: 1.2rem .6rem 2rem; }
  section { padding: .9rem; }
  table { font-size: .84rem; }
  td.n, th.n { padding-left: .45rem; }
  .number { font-size: 1.7rem; }
}
"""
