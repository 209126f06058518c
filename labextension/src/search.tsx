/** The search field: the product's filter language with completion, or free text over names, params, tags and code. */

import React from 'react';

import { complete, ICompletion, quoteText } from './filter';
import { cls } from './parts';
import type { IWords } from './wire';
import { __ } from './words';

export interface ISearchProps {
  text: string;
  words: IWords | null;
  refusal: string | null;
  onChange: (text: string) => void;
  /** Values of a field, most used first. */
  values?: (field: string) => Promise<string[]>;
}

const VALUE = /(params|tags)\.(`[^`]*`|[\w./-]+)\s*(=|!=|like|ilike)\s*'?([^']*)$|(notebook|user|stage)\s*(=|!=)\s*'?([^']*)$/i;
const WAIT_MS = 350;

export function Search(props: ISearchProps): JSX.Element {
  const [text, setText] = React.useState(props.text);
  const [offered, setOffered] = React.useState<ICompletion[]>([]);
  const [at, setAt] = React.useState(-1);
  const field = React.useRef<HTMLInputElement>(null);
  const timer = React.useRef(0);
  const asked = React.useRef(0);
  const id = React.useId();
  React.useEffect(() => setText(props.text), [props.text]);
  React.useEffect(() => () => window.clearTimeout(timer.current), []);

  const offer = (value: string, caret: number) => {
    const { words } = props;
    const round = ++asked.current;
    if (!words) {
      return;
    }
    const found = value.trim() || document.activeElement === field.current ? complete(value, caret, words) : [];
    setOffered(found);
    setAt(-1);
    const match = VALUE.exec(value.slice(0, caret));
    if (!found.length && match && props.values) {
      const [name, typed] = match[5] ? [match[5], match[7]] : [`${match[1]}.${match[2]}`, match[4]];
      const from = caret - typed.length - (value[caret - typed.length - 1] === "'" ? 1 : 0);
      props.values(name).then(
        values => {
          if (round === asked.current) {
            const fit = values.filter(each => each.toLowerCase().includes(typed.toLowerCase())).slice(0, 10);
            setOffered(fit.map(each => ({ text: quoteText(each), kind: 'value', from })));
          }
        },
        () => undefined
      );
    }
  };
  const change = (value: string, caret: number) => {
    setText(value);
    offer(value, caret);
    window.clearTimeout(timer.current);
    timer.current = window.setTimeout(() => props.onChange(value), WAIT_MS);
  };
  const now = (value: string) => {
    window.clearTimeout(timer.current);
    setOffered([]);
    props.onChange(value);
  };
  const take = (item: ICompletion) => {
    const caret = field.current?.selectionStart ?? text.length;
    const head = `${text.slice(0, item.from)}${item.text} `;
    const next = head + text.slice(caret).trimStart();
    setText(next);
    requestAnimationFrame(() => {
      field.current?.focus();
      field.current?.setSelectionRange(head.length, head.length);
      offer(next, head.length);
    });
    window.clearTimeout(timer.current);
    timer.current = window.setTimeout(() => props.onChange(next), WAIT_MS);
  };
  const key = (event: React.KeyboardEvent) => {
    if (offered.length && (event.key === 'ArrowDown' || event.key === 'ArrowUp')) {
      setAt((at + (event.key === 'ArrowDown' ? 1 : -1) + offered.length + (at < 0 && event.key === 'ArrowUp' ? 1 : 0)) % offered.length);
      event.preventDefault();
    } else if ((event.key === 'Enter' || event.key === 'Tab') && offered.length && at >= 0) {
      take(offered[at]);
      event.preventDefault();
    } else if (event.key === 'Enter') {
      now(text);
    } else if (event.key === 'Escape') {
      if (offered.length) {
        setOffered([]);
      } else if (text) {
        setText('');
        now('');
      }
      event.stopPropagation();
    }
  };
  return (
    <div className="mlops-Search">
      <input
        ref={field}
        type="text"
        className="mlops-Search-field"
        value={text}
        spellCheck={false}
        placeholder={__('Search, or metrics.acc > 0.9')}
        aria-label={__('Search runs')}
        role="combobox"
        aria-autocomplete="list"
        aria-expanded={offered.length > 0}
        aria-controls={`${id}-list`}
        aria-activedescendant={at >= 0 ? `${id}-${at}` : undefined}
        aria-invalid={props.refusal !== null}
        aria-describedby={props.refusal ? `${id}-refusal` : undefined}
        onChange={event => change(event.target.value, event.target.selectionStart ?? event.target.value.length)}
        onFocus={() => offer(text, field.current?.selectionStart ?? text.length)}
        onBlur={() => setOffered([])}
        onKeyDown={key}
      />
      {text ? (
        <button type="button" className="mlops-Search-clear" aria-label={__('Clear the search')} onClick={() => { setText(''); now(''); }}>
          ×
        </button>
      ) : null}
      <ul id={`${id}-list`} role="listbox" aria-label={__('Completions')} className="mlops-Search-list" hidden={!offered.length}>
        {offered.map((item, index) => (
          <li
            key={`${item.kind}:${item.text}`}
            id={`${id}-${index}`}
            role="option"
            aria-selected={index === at}
            className={cls(index === at && 'mlops-cursor')}
            onMouseDown={event => {
              event.preventDefault();
              take(item);
            }}
          >
            <bdi>{item.text}</bdi>
            <span className="mlops-mute">{item.kind}</span>
          </li>
        ))}
      </ul>
      {props.refusal ? (
        <p id={`${id}-refusal`} className="mlops-Search-refusal" role="alert">
          {props.refusal.split('\n', 1)[0]}
          {props.refusal.includes('\n') ? <code>{props.refusal.slice(props.refusal.indexOf('\n') + 1)}</code> : null}
        </p>
      ) : null}
    </div>
  );
}
