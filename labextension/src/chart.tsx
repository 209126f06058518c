/** Curves, drawn by uPlot: drag to zoom, double-click to zoom out; log axis, smoothing, several runs over each other. */

import React from 'react';
import uPlot from 'uplot';

import 'uplot/dist/uPlot.min.css';

import { align, ICurve, smooth } from './curves';
import { elide, showNumber, showText } from './format';
import { useTheme } from './hooks';
import { __ } from './words';

export interface ISeries extends ICurve {
  name: string;
  color: string;
}

export interface IChartProps {
  title: string;
  series: ISeries[];
  log: boolean;
  weight: number;
  /** Whether x is a time in milliseconds. */
  time?: boolean;
  height?: number;
  /** The range that was zoomed to, or null for all. */
  onZoom?: (range: [number, number] | null) => void;
}

const COLORS = ['#3b82d4', '#e0762b', '#2f9e62', '#c4479a', '#8a6fd6', '#1f9aa8', '#b58a12', '#8c8c8c'];

/** Colours that stay apart, also of fifty runs. */
export function colorOf(index: number): string {
  return index < COLORS.length ? COLORS[index] : `hsl(${(index * 137.5) % 360} 55% 52%)`;
}

function css(name: string): string {
  return getComputedStyle(document.body).getPropertyValue(name).trim() || '#888';
}

export function Chart(props: IChartProps): JSX.Element {
  const { series, log, weight, height = 220 } = props;
  const host = React.useRef<HTMLDivElement>(null);
  const plot = React.useRef<uPlot | null>(null);
  const theme = useTheme();
  const zoom = React.useRef(props.onZoom);
  zoom.current = props.onZoom;
  const shape = series.map(each => `${each.name}${each.color}`).join('|');

  const data = React.useMemo(() => {
    const { xs, columns } = align(series.map(each => ({ steps: each.steps, values: smooth(each.values, weight) })));
    const shown = log ? columns.map(column => column.map(y => (y !== null && y > 0 ? y : null))) : columns;
    return [xs, ...shown.map(column => column.map(y => (y !== null && Number.isFinite(y) ? y : null)))] as uPlot.AlignedData;
  }, [series, weight, log]);

  React.useEffect(() => {
    const node = host.current;
    if (!node) {
      return;
    }
    const ink = css('--jp-ui-font-color2');
    const grid = { stroke: css('--jp-border-color2'), width: 1 };
    const axis: uPlot.Axis = { stroke: ink, grid, ticks: grid, font: '11px system-ui, sans-serif' };
    const options: uPlot.Options = {
      width: Math.max(200, node.clientWidth),
      height,
      legend: { show: false },
      cursor: { drag: { x: true, y: false, setScale: true }, points: { size: 6 }, sync: { key: 'mlops-nb' } },
      scales: { x: { time: !!props.time }, y: { distr: log ? 3 : 1 } },
      axes: [
        { ...axis, size: 30, space: 60 },
        { ...axis, size: 58, values: (_, ticks) => ticks.map(tick => (tick === null ? '' : showNumber(tick, 3))) }
      ],
      ms: 1,
      series: [
        {},
        ...series.map(each => ({
          label: each.name,
          stroke: each.color,
          width: 1.6,
          spanGaps: true,
          points: { show: each.steps.length < 2 }
        }))
      ],
      hooks: {
        setSelect: [
          u => {
            if (u.select.width > 0) {
              zoom.current?.([u.posToVal(u.select.left, 'x'), u.posToVal(u.select.left + u.select.width, 'x')]);
            }
          }
        ],
        ready: [u => u.over.addEventListener('dblclick', () => zoom.current?.(null))],
        setCursor: [u => readOut(u, node)]
      }
    };
    const made = new uPlot(options, data, node);
    plot.current = made;
    const observer = new ResizeObserver(() => {
      if (node.clientWidth > 0) {
        made.setSize({ width: node.clientWidth, height });
      }
    });
    observer.observe(node);
    return () => {
      observer.disconnect();
      made.destroy();
      plot.current = null;
    };
  }, [shape, log, height, theme, props.time]);

  React.useEffect(() => plot.current?.setData(data), [data]);

  const last = series.map(each => `${showText(each.name)}: ${showNumber(each.values[each.values.length - 1])}`).join('; ');
  return (
    <figure className="mlops-Chart" role="img" aria-label={__('Curve of %1. Last values: %2', showText(props.title), last)}>
      <figcaption>
        <bdi>{elide(showText(props.title), 60)}</bdi>
        <span className="mlops-Chart-read mlops-mute" />
      </figcaption>
      <div ref={host} />
    </figure>
  );
}

/** The values under the cursor, as text beside the title. */
function readOut(u: uPlot, node: HTMLElement): void {
  const out = node.parentElement?.querySelector('.mlops-Chart-read');
  if (!out) {
    return;
  }
  const at = u.cursor.idx;
  if (at === null || at === undefined) {
    out.textContent = '';
    return;
  }
  const x = u.data[0][at];
  const shown = u.series
    .slice(1)
    .map((series, index) => ({ label: String(series.label), y: u.data[index + 1][at] }))
    .filter(each => each.y !== null && each.y !== undefined)
    .slice(0, 3)
    .map(each => (u.series.length > 2 ? `${elide(showText(each.label), 14)} ${showNumber(each.y)}` : showNumber(each.y)));
  out.textContent = `${u.scales.x.time ? new Date(x).toLocaleTimeString() : showNumber(x)}: ${shown.join(' · ')}`;
}

/** The switches over a set of charts. */
export function useChartControls(withTime: boolean): { log: boolean; weight: number; x: 'step' | 'time'; controls: JSX.Element } {
  const [log, setLog] = React.useState(false);
  const [weight, setWeight] = React.useState(0);
  const [x, setX] = React.useState<'step' | 'time'>('step');
  const controls = (
    <div className="mlops-Controls">
      <label>
        <input type="checkbox" checked={log} onChange={event => setLog(event.target.checked)} />
        {__('Log axis')}
      </label>
      <label>
        {__('Smoothing')}
        <input type="range" min={0} max={0.98} step={0.02} value={weight} onChange={event => setWeight(Number(event.target.value))} />
        <output>{weight.toFixed(2)}</output>
      </label>
      {withTime ? (
        <label>
          {__('Over')}
          <select value={x} onChange={event => setX(event.target.value as 'step' | 'time')}>
            <option value="step">{__('step')}</option>
            <option value="time">{__('time')}</option>
          </select>
        </label>
      ) : null}
      <span className="mlops-mute">{__('Drag to zoom, double-click to zoom out')}</span>
    </div>
  );
  return { log, weight, x, controls };
}
