/** Re-run with …: a form made of typed parameters; it starts a job in the server. Several values make a sweep. */

import React from 'react';

import { elide, showText, showValue } from './format';
import { useLoad } from './hooks';
import type { IPageProps } from './pages';
import { Button, Choices, cls, Empty, Loading, Name, Trouble } from './parts';
import type { IForm, IParameter } from './wire';
import { __ } from './words';

/** A value as it is typed. */
export function toText(value: unknown): string {
  return value === null || value === undefined ? '' : typeof value === 'string' ? value : typeof value === 'boolean' ? (value ? 'True' : 'False') : JSON.stringify(value);
}

/** What is wrong with a text for a parameter; null if nothing is. */
export function refuse(parameter: IParameter, text: string): string | null {
  const { kind, required, minimum, maximum } = parameter;
  if (!text.trim()) {
    return required ? __('A value is needed.') : null;
  }
  if (kind === 'int' && !/^[-+]?\d[\d_]*$/.test(text.trim())) {
    return __('A whole number is needed.');
  }
  if (kind === 'float' && Number.isNaN(Number(text.replace(/_/g, ''))) && !/^[-+]?(inf|nan)$/i.test(text.trim())) {
    return __('A number is needed.');
  }
  const number = Number(text);
  if ((kind === 'int' || kind === 'float') && !Number.isNaN(number)) {
    if (minimum !== null && minimum !== undefined && number < minimum) {
      return __('At least %1.', minimum);
    }
    if (maximum !== null && maximum !== undefined && number > maximum) {
      return __('At most %1.', maximum);
    }
  }
  return null;
}

/** The words of the command for what was filled in. */
export function wordsOf(form: IForm, values: Record<string, string>): string[] {
  const words = [form.target];
  for (const parameter of form.parameters) {
    const text = values[parameter.name];
    if (text !== undefined && text !== toText(parameter.default)) {
      words.push('-p', `${parameter.name}=${text}`);
    }
  }
  return words;
}

export function RerunPage(props: IPageProps): JSX.Element {
  const { lab, args } = props;
  const target = args['run'] ? { run: String(args['run']) } : { notebook: String(args['notebook']) };
  const load = useLoad(() => lab.api.form(target), [args['run'], args['notebook']]);
  const [values, setValues] = React.useState<Record<string, string>>({});
  const [kind, setKind] = React.useState<'run' | 'sweep'>('run');
  const [metric, setMetric] = React.useState('');
  const [mode, setMode] = React.useState<'max' | 'min'>('max');
  const [trouble, setTrouble] = React.useState<string | null>(null);
  const [busy, setBusy] = React.useState(false);
  const form = load.value;
  React.useEffect(() => props.setTitle(__('Re-run'), __('Re-run with other parameters')), []);
  if (!form) {
    return <div className="mlops-Page">{load.error ? <Trouble text={load.error} retry={load.reload} /> : <Loading rows={5} />}</div>;
  }
  const shown = (parameter: IParameter) => values[parameter.name] ?? toText(parameter.default);
  const wrong = (parameter: IParameter) =>
    kind === 'sweep' && shown(parameter).includes(',')
      ? shown(parameter).split(',').map(each => refuse(parameter, each)).find(each => each !== null) ?? null
      : refuse(parameter, shown(parameter));
  const changed = form.parameters.filter(parameter => shown(parameter) !== toText(parameter.default));
  const ready = form.parameters.every(parameter => wrong(parameter) === null) && (kind === 'run' || changed.length > 0);
  const start = async (event: React.FormEvent) => {
    event.preventDefault();
    setBusy(true);
    setTrouble(null);
    try {
      const words = wordsOf(form, values);
      if (kind === 'sweep' && metric.trim()) {
        words.push('--metric', metric.trim(), '--mode', mode);
      }
      const title = `${kind === 'sweep' ? __('Sweep of') : __('Re-run of')} ${form.title}`;
      const job = await lab.jobs.start(kind, words, elide(title, 80));
      await lab.show({ page: 'job', job: job.job_id });
      props.close();
    } catch (error) {
      setTrouble((error as Error).message);
      setBusy(false);
    }
  };
  return (
    <article className="mlops-Page mlops-FormPage" aria-label={__('Re-run with other parameters')}>
      <form onSubmit={start} className="mlops-Form">
        <h1>{__('Re-run %1', '')}<Name text={form.title} limit={60} /></h1>
        <Choices
          label={__('What to start')}
          value={kind}
          options={[
            { value: 'run', label: __('One run') },
            { value: 'sweep', label: __('Sweep'), title: __('Several values of a parameter, separated by commas') }
          ]}
          onChange={setKind}
        />
        {form.parameters.length ? (
          form.parameters.map(parameter => (
            <Field key={parameter.name} parameter={parameter} sweep={kind === 'sweep'} value={shown(parameter)} wrong={wrong(parameter)} change={text => setValues({ ...values, [parameter.name]: text })} />
          ))
        ) : (
          <Empty title={__('No parameters')}>
            <p>{__('It runs again as it is. To make values adjustable, put them into a cell with the tag "parameters".')}</p>
          </Empty>
        )}
        {kind === 'sweep' ? (
          <>
            <p className="mlops-mute">{__('Several values, separated by commas, make a run for each combination.')}</p>
            <div className="mlops-Field">
              <label htmlFor="mlops-sweep-metric">{__('Metric to judge by')}</label>
              <input id="mlops-sweep-metric" value={metric} onChange={event => setMetric(event.target.value)} placeholder={__('for instance accuracy')} />
              <select aria-label={__('Which way is better')} value={mode} onChange={event => setMode(event.target.value as 'max' | 'min')}>
                <option value="max">{__('more is better')}</option>
                <option value="min">{__('less is better')}</option>
              </select>
            </div>
          </>
        ) : null}
        {trouble ? <Trouble text={trouble} /> : null}
        <div className="mlops-Bar">
          <button type="submit" className="mlops-Button mlops-main" disabled={!ready || busy}>{busy ? __('Starting …') : kind === 'sweep' ? __('Start the sweep') : __('Run')}</button>
          <Button label={__('Cancel')} onClick={props.close} />
          <span className="mlops-mute">{changed.length ? __('%1 changed', changed.length) : __('Nothing changed')}</span>
        </div>
      </form>
    </article>
  );
}

function Field(props: { parameter: IParameter; value: string; wrong: string | null; sweep: boolean; change: (text: string) => void }): JSX.Element {
  const { parameter, value, wrong, change } = props;
  const id = `mlops-p-${parameter.name}`;
  const changed = value !== toText(parameter.default);
  const choices = parameter.choices ?? (parameter.kind === 'bool' ? [true, false] : null);
  return (
    <div className="mlops-Field">
      <label htmlFor={id}>
        <Name text={parameter.name} limit={40} />{' '}
        <span className="mlops-mute mlops-code">{parameter.kind}</span>
      </label>
      {choices && !props.sweep ? (
        <select id={id} value={value} onChange={event => change(event.target.value)} className={cls(changed && 'mlops-changed')}>
          {value && !choices.map(toText).includes(value) ? <option value={value}>{showText(value)}</option> : null}
          {choices.map(choice => <option key={toText(choice)} value={toText(choice)}>{showValue(choice)}</option>)}
        </select>
      ) : (
        <input
          id={id}
          value={value}
          spellCheck={false}
          inputMode={parameter.kind === 'int' ? 'numeric' : parameter.kind === 'float' ? 'decimal' : undefined}
          aria-invalid={wrong !== null}
          aria-describedby={`${id}-help`}
          className={cls('mlops-code', changed && 'mlops-changed')}
          onChange={event => change(event.target.value)}
        />
      )}
      {changed ? <Button small label={__('Back to %1', elide(toText(parameter.default), 16) || '""')} onClick={() => change(toText(parameter.default))} /> : null}
      <p id={`${id}-help`} className={cls('mlops-Field-help', wrong ? 'mlops-bad' : 'mlops-mute')}>{wrong ?? showText(parameter.help ?? '')}</p>
    </div>
  );
}
