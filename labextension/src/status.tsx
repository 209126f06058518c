/** The item in the status bar: whether cells are recorded, and where. */

import { ReactWidget } from '@jupyterlab/ui-components';
import type { Widget } from '@lumino/widgets';
import React from 'react';

import { useSignal } from './hooks';
import { Commands, ILab } from './tokens';
import { __ } from './words';

export function makeStatus(lab: ILab): Widget {
  const widget = ReactWidget.create(<StatusItem lab={lab} />);
  widget.addClass('mlops-Status-host');
  return widget;
}

function StatusItem(props: { lab: ILab }): JSX.Element {
  const { lab } = props;
  useSignal(lab.feed.state, lab.cells.changed, lab.jobs.changed, lab.list.changed);
  const { hello, problem } = lab.feed;
  const mode = lab.cells.mode;
  const running = lab.jobs.running;
  let text = __('mlops_nb');
  let tip = __('Connecting …');
  let tone = 'mlops-mute';
  if (problem) {
    text = __('mlops_nb: not connected');
    tip = problem;
    tone = 'mlops-bad';
  } else if (hello?.disabled) {
    text = __('Recording off');
    tip = __('MLOPS_NB_DISABLE is set: everything runs as if mlops_nb were not installed');
  } else if (hello) {
    text = mode === 'auto' ? __('Recording every cell') : __('Recording on');
    tip = __('Kept in %1', hello.store.where);
    tone = 'mlops-good';
  }
  return (
    <button type="button" className="mlops-Status" title={tip} onClick={() => void lab.app.commands.execute(Commands.showRuns)}>
      <span className={tone} aria-hidden="true">●</span> {text}
      {running ? <span> · {running === 1 ? __('1 job') : __('%1 jobs', running)}</span> : null}
    </button>
  );
}
