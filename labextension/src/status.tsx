/** The item in the status bar: whether cells are recorded, and where. */

import { ReactWidget } from '@jupyterlab/ui-components';
import type { Widget } from '@lumino/widgets';
import React from 'react';

import { elide, showText } from './format';
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
  const place = hello?.store.project_name ?? '';
  const words: Record<string, [string, string, string]> = {
    auto: [__('Recording every cell'), __('Each cell that runs is a run (%track auto).'), 'mlops-good'],
    marked: [__('Recording marked cells'), __('Cells with %1 are runs.', '%%track'), 'mlops-good'],
    off: [__('Recording off'), __('No cell is recorded (%track off).'), 'mlops-warn'],
    '': [__('Not recording'), __('mlops_nb is not loaded in this kernel: track a cell, or run %load_ext mlops_nb.'), 'mlops-mute']
  };
  if (problem) {
    text = __('mlops_nb: not connected');
    tip = problem;
    tone = 'mlops-bad';
  } else if (hello?.disabled) {
    text = __('Recording off');
    tip = __('MLOPS_NB_DISABLE is set: everything runs as if mlops_nb were not installed');
  } else if (hello) {
    const [shown, why, colour] = (mode !== null && words[mode]) || [place || __('mlops_nb'), '', 'mlops-good'];
    text = mode !== null && place ? `${shown} · ${elide(showText(place), 24)}` : elide(showText(shown), 40);
    tip = [why, __('Kept in %1', showText(hello.store.where))].filter(Boolean).join('\n');
    tone = colour;
  }
  return (
    <button type="button" className="mlops-Status" title={tip} onClick={() => void lab.app.commands.execute(Commands.showRuns)}>
      <span className={tone} aria-hidden="true">●</span> {text}
      {running ? <span> · {running === 1 ? __('1 job') : __('%1 jobs', running)}</span> : null}
    </button>
  );
}
