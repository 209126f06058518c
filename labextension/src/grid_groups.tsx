/** Runs in groups: how many, and mean ± standard deviation of their metrics (seeds, for instance). */

import React from 'react';

import { asNumber, showNumber, showText, showTime } from './format';
import { useLoad } from './hooks';
import { Empty, Loading, Name, StatusMark, Trouble } from './parts';
import type { ILab } from './tokens';
import type { Status } from './wire';
import { __ } from './words';

export function GroupsTable(props: { lab: ILab; by: string; filter: string; metrics: string[]; open: (filter: string) => void }): JSX.Element {
  const { lab, by, filter, metrics } = props;
  const [sort, setSort] = React.useState<{ key: string; descending: boolean }>({ key: '', descending: true });
  const load = useLoad(() => lab.api.groups(by, { filter, limit: 500 }, metrics.slice(0, 8)), [by, filter, metrics.join()]);
  if (!load.value) {
    return load.error ? <Trouble text={load.error} retry={load.reload} /> : <Loading rows={8} />;
  }
  const value = (group: any, key: string): number => (key === '#' ? group.count : asNumber(group.metrics[key]?.mean) ?? -Infinity);
  const groups = sort.key
    ? [...load.value.groups].sort((a, b) => (value(b, sort.key) - value(a, sort.key)) * (sort.descending ? 1 : -1))
    : load.value.groups;
  const head = (key: string, label: string) => (
    <th key={key} scope="col" className="mlops-right" aria-sort={sort.key === key ? (sort.descending ? 'descending' : 'ascending') : 'none'}>
      <button type="button" className="mlops-Link" onClick={() => setSort({ key, descending: sort.key === key ? !sort.descending : true })}>
        <Name text={label} limit={26} />
        {sort.key === key ? (sort.descending ? ' ▼' : ' ▲') : ''}
      </button>
    </th>
  );
  return groups.length ? (
    <div className="mlops-Grid mlops-Grid-groups" tabIndex={0} role="region" aria-label={__('Groups')}>
      <table className="mlops-Table mlops-Grid-table">
        <thead>
          <tr>
            <th scope="col">{showText(by)}</th>
            {head('#', __('runs'))}
            <th scope="col">{__('statuses')}</th>
            {metrics.slice(0, 8).map(key => head(key, key))}
            <th scope="col">{__('newest')}</th>
          </tr>
        </thead>
        <tbody>
          {groups.map((group, index) => (
            <tr key={index}>
              <th scope="row">
                <button type="button" className="mlops-Link" title={__('Show these runs')} onClick={() => props.open(group.filter)}><Name text={group.label || __('(none)')} limit={60} /></button>
              </th>
              <td className="mlops-right">{group.count.toLocaleString('en')}</td>
              <td>
                {(Object.entries(group.statuses) as [Status, number][]).map(([status, count]) => (
                  <span key={status} className="mlops-Statuses"><StatusMark status={status} /> {count.toLocaleString('en')}</span>
                ))}
              </td>
              {metrics.slice(0, 8).map(key => {
                const held = group.metrics[key];
                const mean = asNumber(held?.mean);
                const std = asNumber(held?.std);
                return (
                  <td key={key} className="mlops-right" title={held ? `${__('of %1 runs', held.count)}, ${showNumber(asNumber(held.min))} – ${showNumber(asNumber(held.max))}` : undefined}>
                    {mean === null ? '' : showNumber(mean)}
                    {std !== null && held.count > 1 ? <span className="mlops-mute"> ± {showNumber(std, 2)}</span> : null}
                  </td>
                );
              })}
              <td className="mlops-mute">{group.newest ? showTime(new Date(group.newest).toISOString()) : ''}</td>
            </tr>
          ))}
        </tbody>
      </table>
    </div>
  ) : (
    <Empty title={__('No groups')}><p>{__('No run fits.')}</p></Empty>
  );
}
