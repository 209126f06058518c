/** Plots over runs, as SVG: parallel coordinates, scatter, importance. */

import React from 'react';

import { colorOf } from './chart';
import { asNumber, elide, showNumber, showText, showValue } from './format';
import { cls } from './parts';
import type { IRun } from './wire';
import { __ } from './words';

interface IAxis {
  name: string;
  /** From 0 (bottom) to 1 (top); null if the run has no value. */
  at: (run: IRun) => number | null;
  ticks: { at: number; text: string }[];
}

function valueOf(run: IRun, column: string): unknown {
  const key = column.slice(column.indexOf('.') + 1);
  return column.startsWith('metrics.') ? run.metrics[key] : run.params[key];
}

/** An axis of numbers if all values are, else one place for each text. */
export function makeAxis(name: string, runs: IRun[]): IAxis {
  const values = runs.map(run => valueOf(run, name)).filter(value => value !== undefined && value !== null);
  const numbers = values.map(asNumber);
  if (values.length && numbers.every(number => number !== null && Number.isFinite(number))) {
    const low = Math.min(...(numbers as number[]));
    const high = Math.max(...(numbers as number[]));
    const log = low > 0 && high / low >= 100;
    const scale = (value: number) => (log ? Math.log(value) : value);
    const span = scale(high) - scale(low);
    const at = (value: number) => (span ? (scale(value) - scale(low)) / span : 0.5);
    return {
      name,
      at: run => {
        const number = asNumber(valueOf(run, name));
        return number === null || !Number.isFinite(number) ? null : at(number);
      },
      ticks: span ? [{ at: 0, text: showNumber(low, 3) }, { at: 1, text: showNumber(high, 3) }] : [{ at: 0.5, text: showNumber(low, 3) }]
    };
  }
  const texts = [...new Set(values.map(value => showValue(value, 200)))];
  const at = (text: string) => (texts.length > 1 ? texts.indexOf(text) / (texts.length - 1) : 0.5);
  return {
    name,
    at: run => {
      const value = valueOf(run, name);
      return value === undefined || value === null ? null : at(showValue(value, 200));
    },
    ticks: texts.slice(0, 12).map(text => ({ at: at(text), text: elide(text, 14) }))
  };
}

const HEIGHT = 240;
const TOP = 40;
const FOOT = 14;

/** A width that follows the page. */
function useWidth(): [React.RefObject<HTMLDivElement>, number] {
  const host = React.useRef<HTMLDivElement>(null);
  const [width, setWidth] = React.useState(640);
  React.useEffect(() => {
    const observer = new ResizeObserver(entries => setWidth(Math.max(320, Math.floor(entries[0].contentRect.width))));
    observer.observe(host.current!);
    return () => observer.disconnect();
  }, []);
  return [host, width];
}

export function Parallel(props: { rows: IRun[]; axes: string[] }): JSX.Element {
  const { rows } = props;
  const [host, width] = useWidth();
  const [hot, setHot] = React.useState<string | null>(null);
  const axes = React.useMemo(() => props.axes.map(name => makeAxis(name, rows)), [rows, props.axes.join()]);
  const inner = width - 130;
  const x = (index: number) => 50 + (axes.length > 1 ? (index / (axes.length - 1)) * inner : inner / 2);
  const y = (at: number) => TOP + (1 - at) * (HEIGHT - TOP - FOOT);
  const run = rows.find(each => each.run_id === hot);
  return (
    <div ref={host} className="mlops-Parallel">
      <svg width={width} height={HEIGHT + 6} role="img" aria-label={__('Parallel coordinates of %1 runs over %2', rows.length, props.axes.map(showText).join(', '))}>
        {rows.map((each, index) => {
          let d = '';
          axes.forEach((axis, at) => {
            const place = axis.at(each);
            d += place === null ? '' : `${d ? 'L' : 'M'}${x(at).toFixed(1)} ${y(place).toFixed(1)}`;
          });
          return (
            <path
              key={each.run_id}
              d={d}
              stroke={colorOf(index)}
              className={cls('mlops-Line', hot === each.run_id && 'mlops-hot', hot !== null && hot !== each.run_id && 'mlops-dim')}
              onMouseEnter={() => setHot(each.run_id)}
              onMouseLeave={() => setHot(null)}
            >
              <title>{showText(each.name)}</title>
            </path>
          );
        })}
        {axes.map((axis, index) => (
          <g key={axis.name} transform={`translate(${x(index)} 0)`}>
            <line y1={TOP} y2={HEIGHT - FOOT} className="mlops-Axis" />
            <text y={14} textAnchor="middle" className="mlops-Axis-name">
              {elide(showText(axis.name.slice(axis.name.indexOf('.') + 1)), Math.max(8, Math.floor(inner / axes.length / 7)))}
              <title>{showText(axis.name)}</title>
            </text>
            <text y={28} textAnchor="middle" className="mlops-Axis-kind">{axis.name.startsWith('metrics.') ? __('metric') : __('param')}</text>
            {axis.ticks.map(tick => (
              <text key={tick.text} x={7} y={y(tick.at) + 4} className="mlops-Tick">{tick.text}</text>
            ))}
          </g>
        ))}
      </svg>
      <p className="mlops-mute" aria-live="polite">{run ? showText(run.name) : __('Point at a line to see its run.')}</p>
    </div>
  );
}

const BOX = { width: 420, height: 280, left: 62, top: 12, right: 14, bottom: 40 };

export function Scatter(props: { rows: IRun[]; params: string[]; metrics: string[] }): JSX.Element {
  const columns = [...props.params.map(key => `params.${key}`), ...props.metrics.map(key => `metrics.${key}`)];
  const [across, setAcross] = React.useState(columns[0]);
  const [up, setUp] = React.useState(props.metrics.length ? `metrics.${props.metrics[0]}` : columns[columns.length - 1]);
  const xAxis = makeAxis(across, props.rows);
  const yAxis = makeAxis(up, props.rows);
  const x = (at: number) => BOX.left + at * (BOX.width - BOX.left - BOX.right);
  const y = (at: number) => BOX.top + (1 - at) * (BOX.height - BOX.top - BOX.bottom);
  const select = (label: string, value: string, change: (value: string) => void) => (
    <label>
      {label}
      <select value={value} onChange={event => change(event.target.value)}>
        {columns.map(column => <option key={column} value={column}>{showText(column)}</option>)}
      </select>
    </label>
  );
  return (
    <div>
      <div className="mlops-Controls">
        {select(__('Across'), across, setAcross)}
        {select(__('Up'), up, setUp)}
      </div>
      <svg width={BOX.width} height={BOX.height} role="img" aria-label={__('%1 over %2', showText(up), showText(across))}>
        <path className="mlops-Axis" d={`M${BOX.left} ${BOX.top}V${BOX.height - BOX.bottom}H${BOX.width - BOX.right}`} fill="none" />
        {xAxis.ticks.map(tick => <text key={tick.text} x={x(tick.at)} y={BOX.height - BOX.bottom + 16} textAnchor={tick.at > 0.9 ? 'end' : tick.at < 0.1 ? 'start' : 'middle'} className="mlops-Tick">{tick.text}</text>)}
        {yAxis.ticks.map(tick => <text key={tick.text} x={BOX.left - 6} y={y(tick.at) + 4} textAnchor="end" className="mlops-Tick">{tick.text}</text>)}
        <text x={(BOX.left + BOX.width - BOX.right) / 2} y={BOX.height - 6} textAnchor="middle" className="mlops-Axis-name">{elide(showText(across), 50)}</text>
        {props.rows.map((run, index) => {
          const [h, v] = [xAxis.at(run), yAxis.at(run)];
          return h === null || v === null ? null : (
            <circle key={run.run_id} cx={x(h)} cy={y(v)} r={5} fill={colorOf(index)} className="mlops-Dot">
              <title>{`${showText(run.name)}\n${showText(across)}: ${showValue(valueOf(run, across))}\n${showText(up)}: ${showValue(valueOf(run, up))}`}</title>
            </circle>
          );
        })}
      </svg>
    </div>
  );
}

export function Importance(props: { items: { param: string; metric: string; value: number }[] }): JSX.Element {
  const metrics = [...new Set(props.items.map(item => item.metric))];
  const [metric, setMetric] = React.useState(metrics[0]);
  const items = props.items.filter(item => item.metric === metric).sort((a, b) => b.value - a.value).slice(0, 15);
  return (
    <div>
      <div className="mlops-Controls">
        <label>
          {__('for')}
          <select value={metric} onChange={event => setMetric(event.target.value)}>
            {metrics.map(each => <option key={each} value={each}>{showText(each)}</option>)}
          </select>
        </label>
      </div>
      <table className="mlops-Table mlops-Bars">
        <tbody>
          {items.map(item => (
            <tr key={item.param}>
              <th scope="row">{elide(showText(item.param), 28)}</th>
              <td><span style={{ width: `${Math.max(1, item.value * 160)}px` }} /></td>
              <td className="mlops-right">{showNumber(item.value, 2)}</td>
            </tr>
          ))}
        </tbody>
      </table>
      <p className="mlops-mute">{__('How much of the metric\'s order the param alone explains, among these runs.')}</p>
    </div>
  );
}
