/** Parts of a run's page: outputs as they were, artifacts, the log, revisions. */

import { OutputAreaModel, SimplifiedOutputArea } from '@jupyterlab/outputarea';
import { Widget } from '@lumino/widgets';
import React from 'react';

import { attempt } from './commands';
import { baseName, lastOfLines, showLines, showSize, showText } from './format';
import { useLoad } from './hooks';
import { Button, cls, Empty, Loading, Name, Trouble } from './parts';
import type { ITabProps } from './run';
import { RunsTable } from './run_overview';
import { Commands, ILab } from './tokens';
import type { IArtifact } from './wire';
import { __ } from './words';

// -- outputs -------------------------------------------------------------------------------------------------------------

/** Outputs through JupyterLab's renderers, not trusted: scripts in them do not run. */
export function Outputs(props: { lab: ILab; values: any[] }): JSX.Element {
  const host = React.useRef<HTMLDivElement>(null);
  // Before the host leaves the page: Lumino lets go only of what is still in it.
  React.useLayoutEffect(() => {
    const model = new OutputAreaModel({ values: props.values, trusted: false });
    const area = new SimplifiedOutputArea({ model, rendermime: props.lab.rendermime.clone() });
    Widget.attach(area, host.current!);
    return () => {
      area.dispose();
      model.dispose();
    };
  }, [props.values]);
  return <div ref={host} className="mlops-Outputs" />;
}

export function OutputsTab(props: ITabProps): JSX.Element {
  return props.detail.outputs.length ? (
    <Outputs lab={props.lab} values={props.detail.outputs} />
  ) : (
    <p className="mlops-mute">{__('The cell displayed nothing.')}</p>
  );
}

// -- artifacts -----------------------------------------------------------------------------------------------------------

const PREVIEW = 5_000_000;
const IMAGES: Record<string, string> = { png: 'image/png', jpg: 'image/jpeg', jpeg: 'image/jpeg', gif: 'image/gif', webp: 'image/webp' };
const TEXTS = /\.(txt|md|py|json|jsonl|yaml|yml|toml|csv|tsv|log|cfg|ini|sh|sql|xml|ipynb|requirements|lock)$|(^|\/)(MLmodel|LICENSE|Dockerfile)$/i;

export function ArtifactsTab(props: ITabProps): JSX.Element {
  const { lab, detail } = props;
  const [chosen, setChosen] = React.useState<string | null>(null);
  const files = detail.artifacts;
  if (!files.length) {
    return (
      <Empty title={__('No artifacts')}>
        <p>{__('Files that a run logs stand here:')}</p>
        <pre>mlops_nb.log_artifact('report.html')</pre>
      </Empty>
    );
  }
  const file = files.find(each => each.path === chosen) ?? null;
  return (
    <div className="mlops-Files">
      <ul className="mlops-Files-list" aria-label={__('Artifacts')}>
        {files.map((each, index) => {
          const folder = each.path.slice(0, each.path.length - baseName(each.path).length);
          const above = index ? files[index - 1].path.slice(0, files[index - 1].path.length - baseName(files[index - 1].path).length) : '';
          return (
            <React.Fragment key={each.path}>
              {folder && folder !== above ? <li className="mlops-mute mlops-code"><Name text={folder} limit={60} /></li> : null}
              <li className={cls(folder && 'mlops-in')}>
                <button type="button" className="mlops-Item" aria-pressed={each.path === chosen} onClick={() => setChosen(each.path)}>
                  <Name text={baseName(each.path)} limit={50} className="mlops-Item-name" />
                  <span className="mlops-grow" />
                  <span className="mlops-mute">{showSize(each.size)}</span>
                </button>
              </li>
            </React.Fragment>
          );
        })}
      </ul>
      <div className="mlops-Preview">
        {file ? (
          <>
            <div className="mlops-Bar">
              <b><Name text={file.path} limit={80} /></b>
              <span className="mlops-mute">{showSize(file.size)}</span>
              <span className="mlops-grow" />
              <Button small label={__('Download')} onClick={() => void attempt(() => lab.api.downloadArtifact(detail.run.run_id, file.path))} />
            </div>
            <Preview key={file.digest + file.path} lab={lab} runId={detail.run.run_id} file={file} />
          </>
        ) : (
          <p className="mlops-mute">{__('Choose a file to look at it.')}</p>
        )}
      </div>
    </div>
  );
}

function Preview(props: { lab: ILab; runId: string; file: IArtifact }): JSX.Element {
  const { lab, runId, file } = props;
  const ending = file.path.split('.').pop()?.toLowerCase() ?? '';
  const image = IMAGES[ending];
  const html = ending === 'html' || ending === 'htm';
  const kind = file.size > PREVIEW ? 'large' : image ? 'image' : html ? 'html' : TEXTS.test(file.path) ? 'text' : 'other';
  const load = useLoad<string>(async () => {
    if (kind === 'image') {
      return URL.createObjectURL(new Blob([await lab.api.artifact(runId, file.path)], { type: image }));
    }
    return kind === 'html' || kind === 'text' ? lab.api.artifactText(runId, file.path) : '';
  }, [runId, file.path]);
  React.useEffect(() => () => { if (kind === 'image' && load.value) { URL.revokeObjectURL(load.value); } }, [load.value]); // prettier-ignore
  if (kind === 'large' || kind === 'other') {
    return <p className="mlops-mute">{kind === 'large' ? __('Too large to look at here: download it.') : __('There is no preview of this kind of file: download it.')}</p>;
  }
  if (load.value === null) {
    return load.error ? <Trouble text={load.error} retry={load.reload} /> : <Loading />;
  }
  if (kind === 'image') {
    return <img src={load.value} alt={showText(file.path)} />;
  }
  if (kind === 'html') {
    // No script, no access to the page: the sandbox allows nothing.
    return <iframe sandbox="" srcDoc={load.value} title={showText(file.path)} />;
  }
  if (ending === 'csv' || ending === 'tsv') {
    return <Cells text={load.value} separator={ending === 'csv' ? ',' : '\t'} />;
  }
  return <pre className="mlops-Text" tabIndex={0}>{showLines(pretty(load.value, ending).slice(0, 500_000))}</pre>;
}

function pretty(text: string, ending: string): string {
  if (ending === 'json') {
    try {
      return JSON.stringify(JSON.parse(text), null, 2);
    } catch (error) {
      return text;
    }
  }
  return text;
}

function Cells(props: { text: string; separator: string }): JSX.Element {
  const rows = props.text.split('\n', 201).filter(Boolean).map(line => splitRow(line, props.separator).slice(0, 60));
  return (
    <div className="mlops-Scroll" tabIndex={0}>
      <table className="mlops-Table">
        <thead><tr>{(rows[0] ?? []).map((cell, index) => <th key={index} scope="col"><Name text={cell} limit={30} /></th>)}</tr></thead>
        <tbody>
          {rows.slice(1).map((row, index) => (
            <tr key={index}>{row.map((cell, at) => <td key={at}><Name text={cell} limit={40} /></td>)}</tr>
          ))}
        </tbody>
      </table>
    </div>
  );
}

function splitRow(line: string, separator: string): string[] {
  const cells = line.match(new RegExp(`("(?:[^"]|"")*"|[^${separator}]*)(?:${separator}|$)`, 'g')) ?? [];
  return cells.slice(0, -1).map(cell => cell.replace(new RegExp(`${separator}$`), '').replace(/^"|"$/g, '').replace(/""/g, '"').trim());
}

// -- log -----------------------------------------------------------------------------------------------------------------

const LOG_MS = 1_000;
const KEPT = 5_000;

/** What one stream said without another between: a progress bar that paints over itself is one line then. */
function joined(lines: { stream: string; text: string }[]): { stream: string; text: string }[] {
  const found: { stream: string; text: string }[] = [];
  for (const line of lines) {
    const last = found[found.length - 1];
    if (last && last.stream === line.stream) {
      last.text += line.text;
    } else {
      found.push({ ...line });
    }
  }
  return found;
}

export function LogTab(props: ITabProps): JSX.Element {
  const { lab, detail } = props;
  const runId = detail.run.run_id;
  const [lines, setLines] = React.useState<{ stream: string; text: string }[] | null>(null);
  const [trouble, setTrouble] = React.useState<string | null>(null);
  const end = React.useRef<HTMLDivElement>(null);
  const box = React.useRef<HTMLDivElement>(null);
  React.useEffect(() => {
    let after = 0;
    let timer = 0;
    let current = true;
    const read = async () => {
      try {
        const log = await lab.api.log(runId, after);
        if (!current) {
          return;
        }
        after = log.next;
        setTrouble(null);
        setLines(was => [...(was ?? []), ...log.lines].slice(-KEPT));
        if (!log.over || log.lines.length) {
          timer = window.setTimeout(read, log.lines.length >= 1000 ? 0 : LOG_MS);
        }
      } catch (error) {
        if (current) {
          setTrouble((error as Error).message);
          timer = window.setTimeout(read, LOG_MS * 5);
        }
      }
    };
    void read();
    return () => {
      current = false;
      window.clearTimeout(timer);
    };
  }, [runId]);
  React.useEffect(() => {
    const node = box.current;
    if (node && node.scrollHeight - node.scrollTop - node.clientHeight < 120) {
      end.current?.scrollIntoView({ block: 'nearest' });
    }
  }, [lines]);
  if (lines === null && !trouble) {
    return <Loading />;
  }
  return (
    <div>
      {trouble ? <Trouble text={trouble} /> : null}
      {lines?.length ? (
        <div ref={box} className="mlops-Log" role="log" tabIndex={0} aria-label={__('Log')}>
          <pre>
            {joined(lines).map((line, index) => (
              <span key={index} className={cls(line.stream === 'stderr' && 'mlops-bad')}>{showLines(lastOfLines(line.text))}</span>
            ))}
          </pre>
          <div ref={end} />
        </div>
      ) : (
        <p className="mlops-mute">{detail.run.status === 'RUNNING' ? __('Nothing was printed yet.') : __('Nothing was printed.')}</p>
      )}
    </div>
  );
}

// -- revisions -----------------------------------------------------------------------------------------------------------

export function RevisionsTab(props: ITabProps): JSX.Element {
  const { lab, detail } = props;
  const [picked, setPicked] = React.useState<string[]>([]);
  if (detail.revisions.length < 2) {
    return <p className="mlops-mute">{__('This cell ran once. When it runs again, its revisions stand here to be compared.')}</p>;
  }
  return (
    <div>
      <div className="mlops-Controls">
        <Button
          main
          label={picked.length > 1 ? __('Compare %1', picked.length) : __('Compare')}
          disabled={picked.length < 2}
          onClick={() => void lab.app.commands.execute(Commands.compare, { runs: picked })}
        />
        <span className="mlops-mute">{__('Runs of this cell, newest first. Pick two or more to compare them.')}</span>
      </div>
      <RunsTable
        lab={lab}
        runs={detail.revisions}
        current={detail.run.run_id}
        pick={{ picked, toggle: id => setPicked(picked.includes(id) ? picked.filter(each => each !== id) : [...picked, id]) }}
      />
    </div>
  );
}
