/** Dialogs of the registry: register, promote, roll back. They are JupyterLab's own, with forms in them. */

import { Dialog, Notification, ReactWidget, showDialog } from '@jupyterlab/apputils';
import React from 'react';

import { attempt } from './commands';
import { elide, showText } from './format';
import { cls } from './parts';
import { Commands, ILab } from './tokens';
import type { IModelRecord, IOffer } from './wire';
import { __ } from './words';

/** A form in a dialog; the answer is what was filled in. */
class FormBody<T> extends ReactWidget implements Dialog.IBodyWidget<T> {
  constructor(
    private _value: T,
    private _draw: (value: T, change: (part: Partial<T>) => void) => JSX.Element
  ) {
    super();
    this.addClass('mlops-Dialog');
  }

  getValue(): T {
    return this._value;
  }

  protected render(): JSX.Element {
    return this._draw(this._value, part => {
      this._value = { ...this._value, ...part };
      this.update();
    });
  }
}

async function ask<T>(title: string, value: T, accept: string, draw: (value: T, change: (part: Partial<T>) => void) => JSX.Element): Promise<T | null> {
  const answer = await showDialog({
    title,
    body: new FormBody(value, draw),
    buttons: [Dialog.cancelButton({ label: __('Cancel') }), Dialog.okButton({ label: accept })],
    focusNodeSelector: 'input, select, textarea'
  });
  return answer.button.accept ? answer.value : null;
}

function Field(props: { label: string; children: JSX.Element; help?: string }): JSX.Element {
  return (
    <label className="mlops-Dialog-field">
      <span>{props.label}</span>
      {props.children}
      {props.help ? <small className="mlops-mute">{props.help}</small> : null}
    </label>
  );
}

export async function registerModel(lab: ILab, run: string): Promise<void> {
  const found = await attempt(async () => ({ offers: (await lab.api.offers(run || undefined)).offers, models: (await lab.api.models()).models }));
  if (!found) {
    return;
  }
  if (!found.offers.length) {
    await showDialog({
      title: __('There is no model to register'),
      body: __("No model was logged here. Log it in the run, mlops_nb.log_model(model, 'model'), run the cell again, then register it."),
      buttons: [Dialog.okButton({ label: __('Close') })]
    });
    return;
  }
  const first = found.offers[0];
  const value = { uri: first.uri, name: found.models.length === 1 ? found.models[0].name : '', description: '', comment: '' };
  const answer = await ask(__('Register a model'), value, __('Register'), (now, change) => (
    <div>
      <Field label={__('Model')}>
        <select value={now.uri} onChange={event => change({ uri: event.target.value })}>
          {found.offers.map(offer => <option key={offer.uri} value={offer.uri}>{offerText(offer)}</option>)}
        </select>
      </Field>
      <Field label={__('Name')} help={__('A new name makes a new registered model; a known one gets a new version.')}>
        <input list="mlops-model-names" value={now.name} placeholder={__('for instance churn')} onChange={event => change({ name: event.target.value })} />
      </Field>
      <datalist id="mlops-model-names">{found.models.map(model => <option key={model.name} value={model.name} />)}</datalist>
      <Field label={__('Description')}><input value={now.description} onChange={event => change({ description: event.target.value })} /></Field>
      <Field label={__('Why')} help={__('The audit keeps it.')}><input value={now.comment} onChange={event => change({ comment: event.target.value })} /></Field>
    </div>
  ));
  if (!answer) {
    return;
  }
  await attempt(async () => {
    const words = [answer.uri, answer.name.trim()];
    answer.description.trim() && words.push('--description', answer.description.trim());
    answer.comment.trim() && words.push('--comment', answer.comment.trim());
    const done = await lab.api.verb('register', words);
    Notification.success(done.text || __('Registered as %1', answer.name), { autoClose: 5000 });
    await lab.app.commands.execute(Commands.openModel, { name: answer.name.trim() });
  });
}

function offerText(offer: IOffer): string {
  return elide([showText(offer.run), showText(offer.path), showText(offer.note)].filter(Boolean).join(' · '), 90);
}

interface IPromotion {
  alias: string;
  stage: string;
  archive: boolean;
  comment: string;
  force: boolean;
}

export async function promoteVersion(lab: ILab, name: string, version: number): Promise<void> {
  const model = await attempt(() => lab.api.model(name));
  if (!model) {
    return;
  }
  let value: IPromotion = { alias: model.places.find(place => place.target.startsWith('@'))?.target.slice(1) ?? 'champion', stage: '', archive: true, comment: '', force: false };
  let refused: { check: string; passed: boolean; text: string }[] | null = null;
  for (;;) {
    const checks: { check: string; passed: boolean; text: string }[] | null = refused;
    const answer: IPromotion | null = await ask(__('Promote version %1 of %2', version, showText(name)), value, __('Promote'), (now, change) => (
      <div>
        {checks ? <Checks checks={checks} /> : null}
        <Field label={__('Alias')} help={__('What users of the model ask for, like models:/%1@champion', showText(name))}>
          <input value={now.alias} onChange={event => change({ alias: event.target.value.replace(/^@/, '') })} />
        </Field>
        <Field label={__('Stage')}>
          <select value={now.stage} onChange={event => change({ stage: event.target.value })}>
            <option value="">{__('as it is')}</option>
            {model.stages.map(stage => <option key={stage} value={stage}>{showText(stage)}</option>)}
          </select>
        </Field>
        {now.stage && now.stage !== 'None' && now.stage !== 'Archived' ? (
          <label className="mlops-Dialog-check"><input type="checkbox" checked={now.archive} onChange={event => change({ archive: event.target.checked })} />{__('Archive the versions that are there now')}</label>
        ) : null}
        <GateWords model={model} now={now} />
        <Field label={__('Why')} help={now.force ? __('Needed: a check fails.') : __('The audit keeps it.')}>
          <input value={now.comment} onChange={event => change({ comment: event.target.value })} />
        </Field>
        {checks ? (
          <label className="mlops-Dialog-check mlops-warn"><input type="checkbox" checked={now.force} onChange={event => change({ force: event.target.checked })} />{__('Promote although a check fails')}</label>
        ) : null}
      </div>
    ));
    if (!answer) {
      return;
    }
    value = answer;
    const words = [`${name}/${version}`];
    answer.alias.trim() && words.push('--alias', answer.alias.trim());
    answer.stage && words.push('--stage', answer.stage);
    answer.stage && answer.archive && words.push('--archive');
    answer.comment.trim() && words.push('--comment', answer.comment.trim());
    answer.force && words.push('--force');
    const done = await attempt(() => lab.api.verb('promote', words));
    if (!done) {
      continue; // the refusal was shown; what was filled in stands
    }
    if (done.kind === 'refusal' || done.status !== 0) {
      refused = checksOf(done.plain);
      continue;
    }
    Notification.success(done.text || __('Promoted'), { autoClose: 5000 });
    return;
  }
}

/** The checks of a refused promotion, whichever way they are nested. */
function checksOf(plain: any): { check: string; passed: boolean; text: string }[] {
  const held: any[] = Array.isArray(plain?.checks) ? plain.checks : [];
  return held
    .flatMap(each => (Array.isArray(each?.checks) ? each.checks : [each]))
    .map(each => ({ check: String(each?.check ?? each?.name ?? ''), passed: !!each?.passed, text: String(each?.text ?? each?.message ?? '') }));
}

function Checks(props: { checks: { check: string; passed: boolean; text: string }[] }): JSX.Element {
  return (
    <div className="mlops-Note mlops-warn-box" role="alert">
      <b>{__('The gates refuse it')}</b>
      <ul className="mlops-Checks">
        {props.checks.map((check, index) => (
          <li key={index} className={cls(check.passed ? 'mlops-good' : 'mlops-bad')}>
            {check.passed ? '✓' : '✗'} <span>{showText(check.text || check.check)}</span>
          </li>
        ))}
      </ul>
    </div>
  );
}

function GateWords(props: { model: IModelRecord; now: IPromotion }): JSX.Element | null {
  const { model, now } = props;
  const asked = model.gates.filter(gate => gate.target === `@${now.alias}` || gate.target === now.stage);
  return asked.length ? (
    <div className="mlops-Note">
      <b>{__('It has to pass')}</b>
      <ul>{asked.flatMap(gate => gate.words).map(words => <li key={words}>{words}</li>)}</ul>
    </div>
  ) : null;
}

export async function rollBack(lab: ILab, name: string, target: string, to: string): Promise<void> {
  const answer = await ask(__('Roll %1 of %2 back', showText(target), showText(name)), { comment: '' }, __('Roll back'), (now, change) => (
    <div>
      <p>{to ? __('%1 goes back to version %2.', showText(target), to) : __('%1 goes back to the version that had it before.', showText(target))}</p>
      <Field label={__('Why')} help={__('The audit keeps it.')}><input value={now.comment} onChange={event => change({ comment: event.target.value })} /></Field>
    </div>
  ));
  if (!answer) {
    return;
  }
  await attempt(async () => {
    const words = [target.startsWith('@') ? `${name}${target}` : `${name}/${target}`];
    answer.comment.trim() && words.push('--comment', answer.comment.trim());
    const done = await lab.api.verb('rollback', words);
    Notification.success(done.text || __('Rolled back'), { autoClose: 5000 });
  });
}
