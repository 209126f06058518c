/** Registered models: the list, and a model with its versions, gates and history. */

import React from 'react';

import { attempt } from './commands';
import { elide, showNumber, showSize, showText, showTime, showValue, asNumber } from './format';
import { useLoad } from './hooks';
import type { IPageProps } from './pages';
import { Button, cls, Empty, Loading, Name, Paper, Trouble, Verdict } from './parts';
import { Lineage } from './run_parts';
import { Monitoring, serve } from './models_service';
import { Commands, ILab } from './tokens';
import type { IModelRecord, IVersion } from './wire';
import { __ } from './words';

/** A bell that rings when the registry changes. */
function useRegistry(lab: ILab): number {
  const [bell, ring] = React.useReducer((count: number) => count + 1, 0);
  React.useEffect(() => {
    lab.feed.models.connect(ring);
    lab.feed.reset.connect(ring);
    return () => {
      lab.feed.models.disconnect(ring);
      lab.feed.reset.disconnect(ring);
    };
  }, []);
  return bell;
}

/** A time of the record: text as it is, a number as a time. */
function when(value: any): string {
  return typeof value === 'number' ? showTime(new Date(value).toISOString()) : typeof value === 'string' && /^\d{4}-\d\d-\d\dT/.test(value) ? showTime(value) : String(value ?? '');
}

export function ModelsPage(props: IPageProps): JSX.Element {
  const { lab } = props;
  const [search, setSearch] = React.useState('');
  const bell = useRegistry(lab);
  const load = useLoad(() => lab.api.models(search), [search, bell]);
  React.useEffect(() => props.setTitle(__('Models')), []);
  return (
    <article className="mlops-Page mlops-ModelsPage" aria-label={__('Models')}>
      <header className="mlops-RunHead">
        <div className="mlops-RunHead-title">
          <h1>{__('Models')}</h1>
          <span className="mlops-grow" />
          <input className="mlops-Find" value={search} placeholder={__('Find a model')} aria-label={__('Find a model')} onChange={event => setSearch(event.target.value)} />
          <Button main label={__('Register …')} onClick={() => void lab.app.commands.execute(Commands.register, { run: '' })} />
        </div>
      </header>
      <div className="mlops-Tab">
        {load.error ? <Trouble text={load.error} retry={load.reload} /> : null}
        {!load.value ? (
          load.error ? null : <Loading rows={4} />
        ) : load.value.models.length ? (
          <table className="mlops-Table mlops-Grid-table">
            <thead>
              <tr><th scope="col">{__('model')}</th><th scope="col" className="mlops-right">{__('versions')}</th><th scope="col">{__('where')}</th><th scope="col">{__('description')}</th></tr>
            </thead>
            <tbody>
              {load.value.models.map(model => (
                <tr key={model.name}>
                  <th scope="row">
                    <button type="button" className="mlops-Link" onClick={() => void lab.app.commands.execute(Commands.openModel, { name: model.name })}><Name text={model.shown} limit={60} /></button>
                  </th>
                  <td className="mlops-right">{model.versions}</td>
                  <td>{model.places.map(place => <span key={place} className="mlops-Chip">{showText(place)}</span>)}</td>
                  <td className="mlops-mute"><Name text={model.description} limit={90} /></td>
                </tr>
              ))}
            </tbody>
          </table>
        ) : (
          <Empty title={search ? __('Nothing fits') : __('No models yet')}>
            <p>{search ? __('No model has this in its name, tags or description.') : __('Log a model in a run, then register it:')}</p>
            {search ? null : <pre>{"mlops_nb.log_model(model, 'model')"}</pre>}
          </Empty>
        )}
      </div>
    </article>
  );
}

type Part = 'card' | 'history' | 'gates' | 'lineage' | 'monitoring';

export function ModelPage(props: IPageProps): JSX.Element {
  const { lab } = props;
  const name = String(props.args['name']);
  const bell = useRegistry(lab);
  const load = useLoad(() => lab.api.model(name), [name, bell]);
  const [chosen, setChosen] = React.useState<number | null>(null);
  const [part, setPart] = React.useState<Part>('card');
  React.useEffect(() => props.setTitle(showText(name).slice(0, 40), __('Model %1', showText(name))), [name]);
  const model = load.value;
  if (!model) {
    return <div className="mlops-Page">{load.error ? <Trouble text={load.error} retry={load.reload} /> : <Loading rows={6} />}</div>;
  }
  const version = model.versions.find(each => each.version === chosen) ?? model.versions[0] ?? null;
  return (
    <article className="mlops-Page mlops-ModelPage" aria-label={__('Model %1', model.shown)}>
      {load.error ? <Trouble text={load.error} retry={load.reload} /> : null}
      <header className="mlops-RunHead">
        <div className="mlops-RunHead-title">
          <h1><Name text={model.shown} limit={80} /></h1>
          <span className="mlops-mute">{model.total === 1 ? __('1 version') : __('%1 versions', model.total)}</span>
          {model.tags.map(tag => <span key={tag.key} className="mlops-Chip">{tag.label} = {tag.value}</span>)}
          <span className="mlops-grow" />
          <Button label={__('All models')} onClick={() => void lab.app.commands.execute(Commands.models)} />
        </div>
        <Description lab={lab} model={model} />
        <Places lab={lab} model={model} />
      </header>
      <div className="mlops-Tab">
        <Versions lab={lab} model={model} chosen={version?.version ?? null} choose={setChosen} />
        {version ? (
          <>
            <div className="mlops-Tabs" role="tablist" aria-label={__('Parts of the version')}>
              {(
                [
                  ['card', __('Card of version %1', version.version)],
                  ['history', __('History')],
                  ['gates', __('Gates')],
                  ['lineage', __('Lineage')],
                  ['monitoring', __('Monitoring')]
                ] as [Part, string][]
              ).map(([id, label]) => (
                <button key={id} type="button" role="tab" aria-selected={part === id} className={cls(part === id && 'mlops-on')} onClick={() => setPart(id)}>{label}</button>
              ))}
            </div>
            <div className="mlops-Tab-inner" role="tabpanel" aria-label={part}>
              {part === 'card' ? <ModelCard lab={lab} name={name} version={version} /> : part === 'history' ? <History model={model} /> : part === 'gates' ? <Gates model={model} /> : part === 'lineage' ? <Lineage lab={lab} start={`${name}/${version.version}`} /> : <Monitoring key={version.version} lab={lab} name={name} version={version.version} />}
            </div>
          </>
        ) : null}
      </div>
    </article>
  );
}

function Description(props: { lab: ILab; model: IModelRecord }): JSX.Element {
  const { lab, model } = props;
  const [text, setText] = React.useState<string | null>(null);
  const save = () => {
    const next = text;
    setText(null);
    if (next !== null && next !== model.description) {
      void attempt(() => lab.api.verb('describe', [model.name, next]));
    }
  };
  return text === null ? (
    <p className="mlops-mute mlops-Description">
      {model.description || __('No description.')} <button type="button" className="mlops-Link mlops-Edit" onClick={() => setText(model.description)}>{__('Edit')}</button>
    </p>
  ) : (
    <textarea autoFocus className="mlops-Area" aria-label={__('Description')} value={text} onChange={event => setText(event.target.value)} onBlur={save} onKeyDown={event => (event.key === 'Escape' ? setText(null) : undefined)} />
  );
}

function Places(props: { lab: ILab; model: IModelRecord }): JSX.Element | null {
  const { lab, model } = props;
  return model.places.length ? (
    <p className="mlops-Places">
      {model.places.map(place => (
        <span key={place.target} className="mlops-Place">
          <b>{showText(place.target)}</b> {__('version')} {(Array.isArray(place.versions) ? place.versions : [place.versions]).join(', ')}
          {place.back !== null && place.back !== undefined ? (
            <Button
              small
              label={__('Roll back to %1', showValue(place.back))}
              onClick={() => void lab.app.commands.execute(Commands.rollback, { name: model.name, target: place.target, to: String(place.back) })}
            />
          ) : null}
        </span>
      ))}
    </p>
  ) : null;
}

/** A metric of a version, in whichever of the record's forms it comes. */
function metricOf(version: IVersion, index: number): string {
  const held: any = version.metrics[index];
  const value = held && typeof held === 'object' ? held.text ?? held.value : held;
  const number = asNumber(value);
  return number === null ? showText(value ?? '') : showNumber(number);
}

function Versions(props: { lab: ILab; model: IModelRecord; chosen: number | null; choose: (version: number) => void }): JSX.Element {
  const { lab, model } = props;
  const call = (command: string, args: object) => void attempt(() => lab.app.commands.execute(command, { name: model.name, ...args }));
  return (
    <div className="mlops-Scroll" tabIndex={0}>
      <table className="mlops-Table mlops-Grid-table">
        <thead>
          <tr>
            <th scope="col">{__('version')}</th>
            <th scope="col">{__('where')}</th>
            {model.metrics.map(metric => <th key={metric.key} scope="col" className="mlops-right">{metric.label}</th>)}
            <th scope="col">{__('run')}</th>
            <th scope="col">{__('made')}</th>
            <th scope="col">{__('by')}</th>
            <th scope="col" className="mlops-right">{__('size')}</th>
            <th scope="col" className="mlops-Row-buttons"><span className="mlops-unseen">{__('what to do')}</span></th>
          </tr>
        </thead>
        <tbody>
          {model.versions.map(version => (
            <tr key={version.version} className={cls(version.version === props.chosen && 'mlops-current')} onClick={() => props.choose(version.version)}>
              <th scope="row"><button type="button" className="mlops-Link" onClick={() => props.choose(version.version)}>{version.version}</button></th>
              <td>
                {version.aliases.map(alias => <span key={alias} className="mlops-Chip">@{showText(alias)}</span>)}
                {version.stage && version.stage !== 'None' ? <span className="mlops-Chip">{showText(version.stage)}</span> : null}
              </td>
              {model.metrics.map((metric, index) => <td key={metric.key} className="mlops-right">{metricOf(version, index)}</td>)}
              <td>
                {version.run_id ? (
                  <button type="button" className="mlops-Link" onClick={() => void lab.app.commands.execute(Commands.openRun, { run: version.run_id })}><Name text={version.run ?? version.run_id.slice(0, 12)} limit={28} /></button>
                ) : <span className="mlops-mute">–</span>}{' '}
                <Verdict verdict={typeof version.verdict === 'string' ? version.verdict : null} />
              </td>
              <td className="mlops-mute">{when(version.created)}</td>
              <td className="mlops-mute">{elide(showText(version.user), 24)}</td>
              <td className="mlops-right">{typeof version.size === 'number' ? showSize(version.size) : showText(version.size ?? '')}</td>
              <td className="mlops-right mlops-Row-buttons"><Button small label={__('Serve')} title={__('Start a service of this version on this machine')} onClick={event => { event.stopPropagation(); void serve(lab, model, version.version); }} /><Button small main={version.version === props.chosen} label={__('Promote …')} onClick={event => { event.stopPropagation(); call(Commands.promote, { version: version.version }); }} /></td>
            </tr>
          ))}
        </tbody>
      </table>
    </div>
  );
}

/** The card as the server wrote it, in a frame that allows nothing. */
function ModelCard(props: { lab: ILab; name: string; version: IVersion }): JSX.Element {
  const { lab, name, version } = props;
  const load = useLoad(() => lab.api.modelCard(name, version.version), [name, version.version, JSON.stringify(version.aliases), version.stage]);
  return load.value ? (
    <Paper className="mlops-ModelCard" html={load.value.html} title={__('Card of %1 version %2', showText(name), version.version)} />
  ) : load.error ? <Trouble text={load.error} retry={load.reload} /> : <Loading />;
}

function History(props: { model: IModelRecord }): JSX.Element {
  return (
    <table className="mlops-Table">
      <thead><tr><th scope="col">{__('when')}</th><th scope="col">{__('who')}</th><th scope="col">{__('what')}</th><th scope="col">{__('why')}</th></tr></thead>
      <tbody>
        {props.model.history.map((change, index) => (
          <tr key={index}>
            <td className="mlops-mute">{when(change.when)}</td>
            <td>{elide(showText(change.who), 30)}</td>
            <td>{showText(change.what)}{change.forced ? <span className="mlops-Chip mlops-warn">{__('forced')}</span> : null}</td>
            <td className="mlops-mute">{elide(showText(change.why), 200)}</td>
          </tr>
        ))}
      </tbody>
    </table>
  );
}

function Gates(props: { model: IModelRecord }): JSX.Element {
  const { gates, name } = props.model;
  return gates.length ? (
    <div>
      {gates.map(gate => (
        <section key={gate.target}>
          <h2>{showText(gate.target)}</h2>
          <ul>{gate.words.map(words => <li key={words}>{words}</li>)}</ul>
        </section>
      ))}
    </div>
  ) : (
    <Empty title={__('No gates')}>
      <p>{__('A gate is a check that a version has to pass before it gets an alias or a stage. Set one with:')}</p>
      <pre>{`mlops-nb gates ${name} --help`}</pre>
    </Empty>
  );
}
