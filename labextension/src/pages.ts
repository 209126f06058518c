/** The pages of the main area, made when they are first shown. */

import { MainAreaWidget } from '@jupyterlab/apputils';
import { ReactWidget } from '@jupyterlab/ui-components';
import type { ReadonlyJSONObject } from '@lumino/coreutils';
import React from 'react';

import { runsIcon } from './icon';
import { Guard } from './parts';
import { ILab } from './tokens';
import { __ } from './words';

/** One page for each thing: opening it again brings it to the front. */
export function pageId(args: ReadonlyJSONObject): string {
  const what = args['run'] ?? args['name'] ?? args['job'] ?? args['notebook'] ?? (args['runs'] as string[] | undefined)?.join('+') ?? '';
  return `mlops-nb:${args['page']}:${what}`;
}

export interface IPageProps {
  lab: ILab;
  args: ReadonlyJSONObject;
  setTitle: (title: string, caption?: string) => void;
  close: () => void;
}

async function viewOf(page: string): Promise<React.ComponentType<IPageProps>> {
  switch (page) {
    case 'run':
      return (await import('./run')).RunPage;
    case 'compare':
      return (await import('./compare')).ComparePage;
    case 'grid':
      return (await import('./grid')).GridPage;
    case 'models':
      return (await import('./models')).ModelsPage;
    case 'model':
      return (await import('./models')).ModelPage;
    case 'rerun':
      return (await import('./rerun')).RerunPage;
    case 'job':
      return (await import('./job')).JobPage;
    default:
      throw new Error(`There is no page ${page}.`);
  }
}

export async function makePage(shared: ILab, args: ReadonlyJSONObject): Promise<MainAreaWidget> {
  const lab: ILab = { ...shared, api: shared.api.fixed((args['at'] as string | null) ?? null) };
  const View = await viewOf(String(args['page']));
  const setTitle = (title: string, caption?: string) => {
    widget.title.label = title;
    widget.title.caption = caption ?? title;
  };
  const content = ReactWidget.create(React.createElement(Guard, null, React.createElement(View, { lab, args, setTitle, close: () => widget.close() })));
  content.addClass('mlops-Page-host');
  const widget: MainAreaWidget = new MainAreaWidget({ content });
  widget.toolbar.hide();
  widget.title.icon = runsIcon;
  widget.title.label = __('Run');
  widget.title.closable = true;
  return widget;
}
