/** A version at work: serving it, and the reports on what it is asked and answers. */

import React from 'react';

import { attempt } from './commands';
import { quoteText } from './filter';
import { showText, showTime } from './format';
import { useLoad } from './hooks';
import { Button, cls, Empty, Loading, Paper, Trouble } from './parts';
import { useChanges } from './run';
import { Commands, ILab } from './tokens';
import type { IModelRecord, IRun } from './wire';
import { __ } from './words';

const REPORT = 'monitoring.html';
const LOOKS = 30;

/** Start a service of a version as a job; its page says where it listens. */
export function serve(lab: ILab, model: IModelRecord, version: number): Promise<void | null> {
  return attempt(async () => {
    const title = __('Service of %1/%2', model.shown, version);
    const job = await lab.jobs.start('serve', [`models:/${model.name}/${version}`, '--port', '0'], title);
    await lab.app.commands.execute(Commands.openJob, { job: job.job_id });
  });
}

/** The reports on a version, the newest first, and one of them as a page. */
export function Monitoring(props: { lab: ILab; name: string; version: number }): JSX.Element {
  const { lab } = props;
  const uri = `models:/${props.name}/${props.version}`;
  const filter = `tags.\`mlops_nb.monitors\` = ${quoteText(uri)}`;
  const load = useLoad(async () => (await lab.api.runs({ filter, limit: LOOKS })).runs, [uri]);
  const [chosen, setChosen] = React.useState<string | null>(null);
  const looks = load.value ?? [];
  React.useEffect(() => {
    const slot = (_: unknown, runs: IRun[]) => {
      if (runs.some(run => run.tags['mlops_nb.monitors'] === uri)) {
        load.reload();
      }
    };
    lab.feed.rows.connect(slot);
    return () => {
      lab.feed.rows.disconnect(slot);
    };
  }, [uri]);
  useChanges(lab, looks.map(run => run.run_id), load.reload);
  const look = () =>
    void attempt(async () => {
      const job = await lab.jobs.start('monitor', [uri], __('Monitor %1', `${showText(props.name)}/${props.version}`));
      await lab.app.commands.execute(Commands.openJob, { job: job.job_id });
    });
  if (!load.value) {
    return load.error ? <Trouble text={load.error} retry={load.reload} /> : <Loading rows={3} />;
  }
  if (!looks.length) {
    return (
      <Empty title={__('Not monitored yet')}>
        <p>{__('A look compares what the service was asked, and answered, with what the model was trained on.')}</p>
        <Button main label={__('Look now')} onClick={look} />
      </Empty>
    );
  }
  const shown = looks.find(run => run.run_id === chosen) ?? looks[0];
  return (
    <div>
      <div className="mlops-Controls">
        <label>
          {__('Look of')}
          <select value={shown.run_id} onChange={event => setChosen(event.target.value)}>
            {looks.map(run => (
              <option key={run.run_id} value={run.run_id}>
                {showTime(new Date(run.start_time).toISOString())} · {showText(run.tags['mlops_nb.drift'] ?? '')}
              </option>
            ))}
          </select>
        </label>
        <span className={cls('mlops-Chip', shown.tags['mlops_nb.drift'] === 'no drift' ? 'mlops-good' : 'mlops-bad')}>
          {showText(shown.tags['mlops_nb.drift'] ?? __('unknown'))}
        </span>
        <Button small label={__('Open the run')} onClick={() => void lab.app.commands.execute(Commands.openRun, { run: shown.run_id })} />
        <Button small main label={__('Look now')} onClick={look} />
      </div>
      <Report key={shown.run_id} lab={lab} runId={shown.run_id} />
    </div>
  );
}

/** The report as it was drawn then, in a frame that allows nothing. */
function Report(props: { lab: ILab; runId: string }): JSX.Element {
  const load = useLoad(() => props.lab.api.artifactText(props.runId, REPORT), [props.runId]);
  return load.value !== null ? (
    <Paper className="mlops-ModelCard" html={load.value} title={__('Monitoring report')} />
  ) : load.error ? (
    <p className="mlops-mute">{__('This look kept no page; its run has the numbers.')}</p>
  ) : (
    <Loading rows={4} />
  );
}
