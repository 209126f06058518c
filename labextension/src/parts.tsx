/** Small parts that views are made of. Texts of users are always text: React escapes them. */

import React from 'react';
import { createPortal } from 'react-dom';

import { asNumber, baseName, betterDirection, elide, showAge, showChange, showNumber, showText, showTime, STATUS_SYMBOLS, VERDICT_SYMBOLS } from './format';
import { sparkPath } from './curves';
import { useTheme } from './hooks';
import { __ } from './words';
import type { IBest, IRun } from './wire';

const POPOVER_WIDTH = 330;

export function cls(...names: (string | false | null | undefined)[]): string {
  return names.filter(Boolean).join(' ');
}

/** A name as it is, safe to look at, cut in the middle, whole in the tip. */
export function Name(props: { text: string | null | undefined; limit?: number; className?: string }): JSX.Element {
  const text = showText(props.text ?? '');
  const shown = elide(text, props.limit ?? 60);
  return (
    <bdi className={props.className} title={shown === text ? undefined : elide(text, 1000)}>
      {shown}
    </bdi>
  );
}

export function StatusMark(props: { status: string; word?: boolean }): JSX.Element {
  const lower = props.status.toLowerCase();
  return (
    <span className={`mlops-St mlops-st-${lower}`} role="img" aria-label={__(lower)} title={__(lower)}>
      {STATUS_SYMBOLS[props.status] ?? '?'}
      {props.word ? <span className="mlops-St-word">{props.status}</span> : null}
    </span>
  );
}

export function Verdict(props: { verdict: string | null | undefined; word?: boolean }): JSX.Element | null {
  const { verdict } = props;
  if (!verdict) {
    return null;
  }
  const good = verdict === 'identical' || verdict === 'equivalent';
  return (
    <span className={cls('mlops-Badge', good ? 'mlops-good' : 'mlops-bad')} title={__('Reproduced: %1', __(verdict))}>
      {VERDICT_SYMBOLS[verdict] ?? '?'}
      {props.word ? ` ${__(verdict)}` : <span className="mlops-unseen">{__('reproduced: %1', __(verdict))}</span>}
    </span>
  );
}

export function badgeReasons(badge: string | string[] | null | undefined): string[] | null {
  return badge === null || badge === undefined ? null : (Array.isArray(badge) ? badge : [badge]).filter(reason => reason !== 'clean');
}

/** What Restart & Run All would give. */
export function RestartBadge(props: { badge: string | string[] | null | undefined; word?: boolean }): JSX.Element | null {
  const reasons = badgeReasons(props.badge);
  if (!reasons) {
    return null;
  }
  const tip = reasons.length ? reasons.map(showText).join('\n') : __('Restart & Run All of the notebook gives this result');
  const text = reasons.length ? __('Restart & Run All would differ') : __('Restart & Run All: clean');
  if (!props.word) {
    return reasons.length ? (
      <span className="mlops-Badge mlops-warn" title={`${text}\n${tip}`}>
        ⚠<span className="mlops-unseen">{text}</span>
      </span>
    ) : null;
  }
  return (
    <span className={cls('mlops-Remark', reasons.length ? 'mlops-warn' : 'mlops-good')} title={tip}>
      {reasons.length ? '⚠ ' : '✓ '}
      {reasons.length ? `Restart & Run All: ${elide(showText(reasons.slice(0, 2).join(', ')), 120)}` : text}
    </span>
  );
}

export function Spark(props: { values: (number | null)[] | null; width?: number; height?: number; label?: string }): JSX.Element {
  const { width = 56, height = 16 } = props;
  const path = props.values ? sparkPath(props.values, width, height) : { d: '', x: 0, y: 0 };
  return (
    <svg className="mlops-Spark" width={width} height={height} viewBox={`0 0 ${width} ${height}`} role="img" aria-label={props.label ?? __('curve')}>
      {path.d ? <path d={path.d} /> : null}
      {path.d ? <circle cx={path.x} cy={path.y} r={1.8} /> : null}
    </svg>
  );
}

/** A metric's value, and how far it is from the best. */
export function Metric(props: { name: string; run: IRun; best?: IBest; spark?: (number | null)[] | null }): JSX.Element | null {
  const value = asNumber(props.run.metrics[props.name]);
  if (value === null) {
    return null;
  }
  const best = props.best ? asNumber(props.best.value) : null;
  const isBest = !!props.best && props.best.run_id === props.run.run_id;
  const change = best !== null && !isBest && betterDirection(props.name) ? showChange(props.name, value, best) : null;
  return (
    <span className="mlops-Metric" title={`${showText(props.name)} = ${value}${best !== null ? `\n${__('best: %1', showNumber(best))}` : ''}`}>
      <span className="mlops-mute mlops-Metric-name">{showText(props.name).slice(0, 60)}</span>
      <b>{showNumber(value)}</b>
      {isBest ? (
        <span className="mlops-good" title={__('best of what is shown')}> ★</span>
      ) : change && change.trend !== 'same' ? (
        <span className={`mlops-Delta mlops-${change.trend}`}> {change.text}</span>
      ) : null}
      {props.spark && props.spark.length > 1 ? <Spark values={props.spark} label={__('curve of %1', showText(props.name))} /> : null}
    </span>
  );
}

export function Age(props: { time: number | null | undefined; now: number }): JSX.Element | null {
  if (!props.time) {
    return null;
  }
  const iso = new Date(props.time).toISOString();
  return (
    <time className="mlops-mute" dateTime={iso} title={showTime(iso)}>
      {showAge(props.time, props.now)}
    </time>
  );
}

/** A page of its own in a frame that allows nothing; it is light or dark as JupyterLab is, and not as the system. */
export function Paper(props: { html: string; title: string; className?: string; look?: string }): JSX.Element {
  useTheme();
  const theme = document.body.dataset.jpThemeLight === 'false' ? 'dark' : 'light';
  const style = `<style>:root{color-scheme:${theme}!important}${props.look ?? ''}</style>`;
  return <iframe className={props.className} sandbox="" style={{ colorScheme: theme }} srcDoc={style + props.html} title={props.title} />;
}

export interface IButtonProps {
  label: string;
  onClick: (event: React.MouseEvent) => void;
  main?: boolean;
  danger?: boolean;
  small?: boolean;
  disabled?: boolean;
  pressed?: boolean;
  title?: string;
  children?: React.ReactNode;
  className?: string;
}

export function Button(props: IButtonProps): JSX.Element {
  return (
    <button
      type="button"
      className={cls('mlops-Button', props.main && 'mlops-main', props.danger && 'mlops-danger', props.small && 'mlops-small', props.className)}
      disabled={props.disabled}
      aria-pressed={props.pressed}
      aria-label={props.children ? props.label : undefined}
      title={props.title ?? (props.children ? props.label : undefined)}
      onClick={props.onClick}
    >
      {props.children ?? props.label}
    </button>
  );
}

/** Two to five choices of which one holds. */
export function Choices<T extends string>(props: {
  label: string;
  value: T;
  options: { value: T; label: string; title?: string; disabled?: boolean }[];
  onChange: (value: T) => void;
}): JSX.Element {
  const move = (event: React.KeyboardEvent) => {
    const step = event.key === 'ArrowRight' ? 1 : event.key === 'ArrowLeft' ? -1 : 0;
    if (step) {
      const open = props.options.filter(option => !option.disabled);
      const at = open.findIndex(option => option.value === props.value);
      const next = open[(at + step + open.length) % open.length];
      props.onChange(next.value);
      const buttons = [...event.currentTarget.querySelectorAll<HTMLElement>('[role=radio]:not(:disabled)')];
      buttons[open.indexOf(next)]?.focus();
      event.preventDefault();
    }
  };
  return (
    <div className="mlops-Choices" role="radiogroup" aria-label={props.label} onKeyDown={move}>
      {props.options.map(option => (
        <button
          key={option.value}
          type="button"
          role="radio"
          aria-checked={option.value === props.value}
          tabIndex={option.value === props.value ? 0 : -1}
          disabled={option.disabled}
          title={option.title}
          onClick={() => props.onChange(option.value)}
        >
          {option.label}
        </button>
      ))}
    </div>
  );
}

/** Nothing there yet: what it will be, and what to do. */
export function Empty(props: { title: string; children?: React.ReactNode }): JSX.Element {
  return (
    <div className="mlops-Empty">
      <p className="mlops-Empty-title">{props.title}</p>
      {props.children}
    </div>
  );
}

/** A trouble in one sentence, with a way on. */
export function Trouble(props: { text: string; retry?: () => void }): JSX.Element {
  return (
    <div className="mlops-Trouble" role="alert">
      <span>{props.text}</span>
      {props.retry ? <Button small label={__('Try again')} onClick={props.retry} /> : null}
    </div>
  );
}

/** Keeps what goes wrong in a view to that view, and says so. */
export class Guard extends React.Component<{ children: React.ReactNode }, { error: Error | null }> {
  state: { error: Error | null } = { error: null };

  static getDerivedStateFromError(error: Error): { error: Error } {
    return { error };
  }

  componentDidCatch(error: Error): void {
    console.error('mlops_nb: a view could not be drawn.', error);
  }

  render(): React.ReactNode {
    const { error } = this.state;
    return error ? (
      <div className="mlops-Page">
        <Trouble text={__('This could not be drawn: %1', error.message)} retry={() => this.setState({ error: null })} />
      </div>
    ) : (
      this.props.children
    );
  }
}

/** What stands under a button while it is open; Escape and a click elsewhere close it. It may stand out of its panel. */
export function Popover(props: { label: string; title?: string; icon: React.ReactNode; children: (close: () => void) => React.ReactNode; badge?: number }): JSX.Element {
  const [place, setPlace] = React.useState<React.CSSProperties | null>(null);
  const button = React.useRef<HTMLButtonElement>(null);
  const body = React.useRef<HTMLDivElement>(null);
  const open = place !== null;
  const close = () => setPlace(null);
  React.useEffect(() => {
    if (!open) {
      return;
    }
    body.current?.querySelector<HTMLElement>('input, button')?.focus();
    const outside = (event: Event) => {
      const target = event.target as Node;
      if (!body.current?.contains(target) && !button.current?.contains(target)) {
        close();
      }
    };
    document.addEventListener('mousedown', outside, true);
    window.addEventListener('resize', close);
    return () => {
      document.removeEventListener('mousedown', outside, true);
      window.removeEventListener('resize', close);
    };
  }, [open]);
  const toggle = () => {
    const box = button.current!.getBoundingClientRect();
    const below = window.innerHeight - box.bottom - 12;
    setPlace(open ? null : {
      left: Math.max(8, Math.min(box.left, window.innerWidth - POPOVER_WIDTH - 8)),
      top: box.bottom + 4,
      maxHeight: Math.max(160, Math.min(440, below))
    }); // prettier-ignore
  };
  const key = (event: React.KeyboardEvent) => {
    if (event.key === 'Escape' && open) {
      close();
      button.current?.focus();
      event.stopPropagation();
    }
  };
  return (
    <div className="mlops-Popover" onKeyDown={key}>
      <button
        ref={button}
        type="button"
        className="mlops-Icon"
        aria-expanded={open}
        aria-haspopup="dialog"
        aria-label={props.label}
        title={props.title ?? props.label}
        onClick={toggle}
      >
        {props.icon}
        {props.badge ? <span className="mlops-Icon-badge">{props.badge}</span> : null}
      </button>
      {open
        ? createPortal(
            <div ref={body} className="mlops-Popover-body" role="dialog" aria-label={props.label} style={place}>
              {props.children(close)}
            </div>,
            document.body
          )
        : null}
    </div>
  );
}

export function Loading(props: { rows?: number }): JSX.Element {
  return (
    <div className="mlops-Loading" role="status" aria-label={__('Loading')}>
      {Array.from({ length: props.rows ?? 3 }, (_, index) => (
        <div key={index} className="mlops-Loading-row" />
      ))}
    </div>
  );
}

export function fileName(path: string | null): string {
  return path ? baseName(path) : '';
}
