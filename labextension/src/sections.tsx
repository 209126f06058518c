/** Sections below the runs: sweeps and pipelines, jobs, models, services. */

import React from 'react';

import { elide, showDuration, showText } from './format';
import { useLoad, useNow, useSignal } from './hooks';
import { Age, cls, Loading, Name, StatusMark, Trouble } from './parts';
import { Commands, ILab } from './tokens';
import type { IGroup, IJob, IModelItem, IRun, IService } from './wire';
import { __, _n } from './words';

/** A part of the sidebar that folds. */
function Section(props: { lab: ILab; name: string; title: string; count?: number; live?: number; children: () => React.ReactNode; action?: React.ReactNode }): JSX.Element {
  const { list } = props.lab;
  const open = list.sections.includes(props.name);
  return (
    <section className={cls('mlops-Section', open && 'mlops-open')}>
      <h3>
        <button type="button" aria-expanded={open} onClick={() => list.toggleSection(props.name)}>
          <span className={cls('mlops-Twisty', open && 'mlops-open')} aria-hidden="true">▸</span>
          {props.title}
          {props.live ? <span className="mlops-st-running"> ● {props.live}</span> : null}
          <span className="mlops-grow" />
          {props.count ? <span className="mlops-Count">{props.count}</span> : null}
        </button>
        {props.action}
      </h3>
      {open ? <div className="mlops-Section-body">{props.children()}</div> : null}
    </section>
  );
}

function jobTone(job: IJob): string {
  return { running: 'running', finished: 'finished', failed: 'failed', cancelled: 'killed', lost: 'killed' }[job.state];
}

export function JobsSection(props: { lab: ILab }): JSX.Element {
  const { lab } = props;
  useSignal(lab.jobs.changed);
  const now = useNow(2_000);
  const jobs = lab.jobs.list;
  return (
    <Section lab={lab} name="jobs" title={__('Jobs')} count={jobs.length} live={lab.jobs.running}>
      {() =>
        jobs.length ? (
          <ul className="mlops-List">
            {jobs.slice(0, 50).map(job => (
              <li key={job.job_id}>
                <button type="button" className="mlops-Item" onClick={() => void lab.app.commands.execute(Commands.openJob, { job: job.job_id })}>
                  <span className={`mlops-St mlops-st-${jobTone(job)}`} aria-hidden="true">
                    {{ running: '●', finished: '✓', failed: '✗', cancelled: '■', lost: '?' }[job.state]}
                  </span>
                  <Name text={job.title || `${job.verb} ${job.words[0] ?? ''}`} limit={40} className="mlops-Item-name" />
                  <span className="mlops-grow" />
                  <span className="mlops-mute">
                    {job.state === 'running'
                      ? job.progress
                        ? `${job.progress.done}/${job.progress.total}`
                        : showDuration(now - job.started)
                      : job.state === 'finished'
                        ? showDuration((job.ended ?? job.started) - job.started)
                        : __(job.state)}
                  </span>
                </button>
                {job.state === 'running' && job.progress ? (
                  <progress aria-label={__('Progress')} max={job.progress.total || 1} value={job.progress.done} />
                ) : null}
              </li>
            ))}
          </ul>
        ) : (
          <p className="mlops-Hint">{__('Re-runs, reproductions and sweeps that you start stand here, with their progress.')}</p>
        )
      }
    </Section>
  );
}

const PLACES_WIDTH = 18;

/** Where a model's versions are: the champion first, and no more than leaves its name readable. */
function Places(props: { places: string[] }): JSX.Element {
  const sorted = [...props.places].sort((a, b) => Number(b.startsWith('@champion')) - Number(a.startsWith('@champion')));
  let left = PLACES_WIDTH;
  const shown = sorted.filter((place, index) => (left -= place.length) >= 0 || index === 0).slice(0, 2);
  const more = sorted.filter(place => !shown.includes(place));
  return (
    <>
      {shown.map(place => (
        <span key={place} className="mlops-Chip">{elide(showText(place), 16)}</span>
      ))}
      {more.length ? <span className="mlops-mute" title={more.map(showText).join(', ')}>+{more.length}</span> : null}
    </>
  );
}

export function ModelsSection(props: { lab: ILab }): JSX.Element {
  const { lab } = props;
  const open = lab.list.sections.includes('models');
  const [bell, ring] = React.useReducer((count: number) => count + 1, 0);
  React.useEffect(() => {
    const slot = () => ring();
    lab.feed.models.connect(slot);
    lab.feed.reset.connect(slot);
    return () => {
      lab.feed.models.disconnect(slot);
      lab.feed.reset.disconnect(slot);
    };
  }, []);
  const load = useLoad<IModelItem[]>(async () => (open && lab.feed.ready ? (await lab.api.models()).models : []), [open, bell]);
  return (
    <Section lab={lab} name="models" title={__('Models')} count={open && load.value ? load.value.length : undefined}>
      {() =>
        load.error ? (
          <Trouble text={load.error} retry={load.reload} />
        ) : load.value?.length ? (
          <ul className="mlops-List">
            {load.value.map(model => (
              <li key={model.name}>
                <button type="button" className="mlops-Item" onClick={() => void lab.app.commands.execute(Commands.openModel, { name: model.name })}>
                  <Name text={model.shown} limit={36} className="mlops-Item-name" />
                  <Places places={model.places} />
                  <span className="mlops-grow" />
                  <span className="mlops-mute">{_n('%1 version', '%1 versions', model.versions)}</span>
                </button>
              </li>
            ))}
          </ul>
        ) : load.loading ? (
          <Loading rows={2} />
        ) : (
          <p className="mlops-Hint">{__('A run that logged a model can be registered: open the run, then Register.')}</p>
        )
      }
    </Section>
  );
}

export function ServicesSection(props: { lab: ILab }): JSX.Element {
  const { lab } = props;
  const open = lab.list.sections.includes('services');
  const [bell, ring] = React.useReducer((count: number) => count + 1, 0);
  useSignal(lab.jobs.changed);
  React.useEffect(() => {
    const take = (_: unknown, runs: IRun[]) => void (runs.some(run => run.kind === 'monitor') && ring());
    lab.feed.rows.connect(take);
    return () => {
      lab.feed.rows.disconnect(take);
    };
  }, []);
  // A service is a job: its state and address change with the jobs'.
  const served = lab.jobs.list.filter(job => job.verb === 'serve').map(job => `${job.job_id}${job.state}${job.url ?? ''}`).join();
  const load = useLoad<IService[]>(async () => (open && lab.feed.ready ? (await lab.api.services()).services : []), [open, served, bell]);
  const now = useNow();
  return (
    <Section lab={lab} name="services" title={__('Services')} count={open && load.value ? load.value.length : undefined}>
      {() =>
        load.error ? (
          <Trouble text={load.error} retry={load.reload} />
        ) : load.value?.length ? (
          <ul className="mlops-List">
            {load.value.map(service => (
              <li key={`${service.url} ${service.uri}`} className="mlops-Service">
                <span className={`mlops-St mlops-st-${service.state === 'running' ? 'running' : 'killed'}`} aria-label={service.state} role="img">
                  {service.state === 'running' ? '●' : '■'}
                </span>
                <button type="button" className="mlops-Link mlops-Item-name" title={showText(service.url ?? service.uri)} onClick={() => void lab.app.commands.execute(Commands.openJob, { job: service.job_id })}>
                  <Name text={service.name || service.uri} limit={36} />
                </button>
                {service.drift ? <span className={cls('mlops-Chip', service.drift.state === 'ok' ? 'mlops-good' : 'mlops-bad')}>{__(service.drift.state)}</span> : null}
                <span className="mlops-grow" />
                <Age time={service.started} now={now} />
              </li>
            ))}
          </ul>
        ) : (
          <p className="mlops-Hint">{__('What you serve with the button on a model’s page stands here, with its drift. One that was started in a notebook or a terminal is shown there.')}</p>
        )
      }
    </Section>
  );
}

const SETTLE_MS = 600;

const HOLDERS = "parent_run_id IS NULL and (source_type IN ('PROJECT', 'SWEEP', 'PIPELINE') or tags.`mlops_nb.kind` = 'sweep')";
const NESTED = 'parent_run_id IS NOT NULL and tags.`mlops_nb.reproduces` IS NULL and tags.`mlops_nb.rerun_of` IS NULL';
const HOLDERS_SHOWN = 50;

/** The newest runs that hold others, and how those went; not the trials of a sweep: thousands would be all that stands here. */
async function loadHolders(lab: ILab): Promise<IGroup[]> {
  const [listed, others] = await Promise.all([
    lab.api.runs({ filter: HOLDERS, limit: HOLDERS_SHOWN }),
    lab.api.groups('parent', { filter: NESTED, limit: HOLDERS_SHOWN })
  ]);
  const runs = listed.runs.filter(run => run.children);
  const ids = new Set(runs.map(run => run.run_id));
  const inside = `parent_run_id IN (${[...ids].map(id => `'${id}'`).join(', ')})`;
  const found = runs.length ? (await lab.api.groups('parent', { filter: inside, limit: HOLDERS_SHOWN })).groups : [];
  const more = others.groups.filter(group => group.run && !group.run.parent_run_id && !ids.has(group.run.run_id));
  return [...found.filter(group => group.run), ...more].sort((a, b) => b.run!.start_time - a.run!.start_time);
}

/** Runs that hold others: sweeps, pipelines, whole notebooks. */
export function SweepsSection(props: { lab: ILab }): JSX.Element {
  const { lab } = props;
  const open = lab.list.sections.includes('sweeps');
  const [bell, ring] = React.useReducer((count: number) => count + 1, 0);
  React.useEffect(() => {
    let timer = 0;
    const soon = () => {
      timer = timer || window.setTimeout(() => {
        timer = 0;
        ring();
      }, SETTLE_MS);
    };
    const take = (_: unknown, runs: IRun[]) => void (runs.some(run => run.parent_run_id !== null || run.children) && soon());
    lab.feed.rows.connect(take);
    lab.feed.reset.connect(soon);
    return () => {
      window.clearTimeout(timer);
      lab.feed.rows.disconnect(take);
      lab.feed.reset.disconnect(soon);
    };
  }, []);
  const load = useLoad<IGroup[]>(
    async () => (open && lab.feed.ready ? loadHolders(lab) : []),
    [open, bell]
  );
  const groups = load.value ?? [];
  return (
    <Section lab={lab} name="sweeps" title={__('Sweeps and pipelines')} count={open && load.value ? groups.length : undefined}>
      {() =>
        load.error ? (
          <Trouble text={load.error} retry={load.reload} />
        ) : groups.length ? (
          <ul className="mlops-List">
            {groups.map(group => (
              <li key={group.run!.run_id}>
                <button type="button" className="mlops-Item" onClick={() => void lab.app.commands.execute(Commands.openRun, { run: group.run!.run_id })}>
                  <StatusMark status={group.statuses.RUNNING ? 'RUNNING' : group.run!.status} />
                  <Name text={group.run!.name} limit={36} className="mlops-Item-name" />
                  {group.run!.kind !== 'run' ? <span className="mlops-Chip">{__(group.run!.kind)}</span> : null}
                  <span className="mlops-grow" />
                  <span className="mlops-mute">
                    {group.statuses.FAILED ? <span className="mlops-bad">{__('%1 failed', group.statuses.FAILED)} · </span> : null}
                    {_n('%1 run', '%1 runs', group.count)}
                  </span>
                </button>
              </li>
            ))}
          </ul>
        ) : load.loading ? (
          <Loading rows={2} />
        ) : (
          <p className="mlops-Hint">{__('Sweeps, pipelines and other runs with runs in them stand here.')}</p>
        )
      }
    </Section>
  );
}
