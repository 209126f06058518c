/** Code to read: with JupyterLab's own colours, and differences line by line. */

import React from 'react';

import { diffLines, foldSame } from './diff';
import { showLines } from './format';
import { cls } from './parts';
import type { ILab } from './tokens';
import { __ } from './words';

/** Python source, coloured by JupyterLab's highlighter; plain text until it has run. */
export function Code(props: { lab: ILab; source: string; label?: string }): JSX.Element {
  const host = React.useRef<HTMLElement>(null);
  const text = showLines(props.source);
  React.useEffect(() => {
    const node = host.current;
    const { languages } = props.lab;
    if (!node) {
      return;
    }
    node.textContent = text;
    const language = languages?.findByMIME('text/x-ipython') ?? languages?.findByMIME('text/x-python') ?? null;
    if (!languages || !language) {
      return;
    }
    let current = true;
    const painted = document.createElement('code');
    languages.highlight(text, language, painted).then(
      () => current && node.replaceChildren(...Array.from(painted.childNodes)),
      () => undefined
    );
    return () => {
      current = false;
    };
  }, [text]);
  return (
    <pre className="mlops-Code cm-editor" tabIndex={0} aria-label={props.label ?? __('Code')}>
      <code ref={host} />
    </pre>
  );
}

/** Two texts, one under the other, with what was taken out and put in. */
export function Diff(props: { left: string; right: string; all?: boolean; label?: string }): JSX.Element {
  const lines = React.useMemo(() => diffLines(showLines(props.left), showLines(props.right)), [props.left, props.right]);
  if (lines.every(line => line.kind === 'same')) {
    return <p className="mlops-mute">{__('The code is the same.')}</p>;
  }
  const shown = props.all ? lines : foldSame(lines);
  return (
    <table className="mlops-Diff" aria-label={props.label ?? __('Differences')}>
      <tbody>
        {shown.map((line, index) =>
          line.kind === 'skip' ? (
            <tr key={index} className="mlops-Diff-skip">
              <td colSpan={4}>{__('%1 lines the same', line.text)}</td>
            </tr>
          ) : (
            <tr key={index} className={`mlops-Diff-${line.kind}`}>
              <td className="mlops-Diff-no">{line.left ?? ''}</td>
              <td className="mlops-Diff-no">{line.right ?? ''}</td>
              <td className="mlops-Diff-sign">{line.kind === 'add' ? '+' : line.kind === 'del' ? '−' : ''}</td>
              <td className="mlops-Diff-text">{line.text || ' '}</td>
            </tr>
          )
        )}
      </tbody>
    </table>
  );
}

/** A unified diff that the server made. */
export function Unified(props: { text: string }): JSX.Element {
  const lines = showLines(props.text).split('\n').filter(line => !line.startsWith('--- ') && !line.startsWith('+++ '));
  return (
    <table className="mlops-Diff">
      <tbody>
        {lines.map((line, index) => {
          const kind = line.startsWith('+') ? 'add' : line.startsWith('-') ? 'del' : line.startsWith('@@') ? 'skip' : 'same';
          return (
            <tr key={index} className={`mlops-Diff-${kind}`}>
              <td className="mlops-Diff-sign">{kind === 'add' ? '+' : kind === 'del' ? '−' : ''}</td>
              <td className={cls('mlops-Diff-text')}>{(kind === 'skip' ? line : line.slice(1)) || ' '}</td>
            </tr>
          );
        })}
      </tbody>
    </table>
  );
}
