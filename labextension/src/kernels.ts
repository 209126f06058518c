/** What kernels are asked: how cells are tracked in them, and what they use. */

import type { NotebookPanel } from '@jupyterlab/notebook';
import { Kernel, KernelMessage } from '@jupyterlab/services';

import type { ILab } from './tokens';

/** `auto`: every cell, `marked`: cells with `%%track`, `off`: none; empty: mlops_nb is not loaded in the kernel. */
export type Mode = 'auto' | 'marked' | 'off' | '';

export interface IUsage {
  /** Percent of one processor. */
  cpu: number | null;
  /** Bytes. */
  memory: number | null;
}

const MODE = "getattr(getattr(get_ipython(), '_mlops_nb_session', None), 'mode', '')";
const TELLS = /^\s*%(track|load_ext|reload_ext|unload_ext)\b/m;

/** Whether this code may change how cells are tracked. */
export function tellsMode(code: string): boolean {
  return TELLS.test(code);
}

/** How cells are tracked in a kernel; null if it cannot say, an error if it was not asked. Nothing runs in it: one expression is looked at. */
export async function modeOf(kernel: Kernel.IKernelConnection): Promise<Mode | null> {
  const info = await kernel.info;
  if (info.language_info.name !== 'python') {
    return null;
  }
  const asked = { code: '', silent: true, store_history: false, user_expressions: { mode: MODE } };
  const reply = await kernel.requestExecute(asked).done;
  if ((reply?.content.status as string) === 'aborted') {
    throw new Error('aborted'); // a cell before it has raised: what waited behind that was not executed
  }
  const said = reply && reply.content.status === 'ok' ? (reply.content.user_expressions['mode'] as any) : null;
  const text: unknown = said?.data?.['text/plain'];
  const mode = typeof text === 'string' ? text.replace(/^'|'$/g, '') : null;
  return mode === 'auto' || mode === 'marked' || mode === 'off' || mode === '' ? mode : null;
}

/** What a kernel's process uses now; null if it does not say. It answers while a cell runs. */
export async function usageOf(kernel: Kernel.IKernelConnection): Promise<IUsage | null> {
  if (kernel.status !== 'busy' && kernel.status !== 'idle') {
    return null;
  }
  const message = KernelMessage.createMessage({
    channel: 'control',
    msgType: 'usage_request' as any,
    session: kernel.clientId,
    username: kernel.username,
    content: {}
  } as any) as any;
  const reply: any = await Promise.race([
    kernel.sendControlMessage(message, true, true).done,
    new Promise(done => window.setTimeout(() => done(null), 4_000))
  ]);
  const content = reply?.content;
  return content && typeof content.kernel_memory === 'number'
    ? { cpu: typeof content.kernel_cpu === 'number' ? content.kernel_cpu : null, memory: content.kernel_memory }
    : null;
}

/** The notebook, open in this page, that a path names. */
export function panelOf(lab: ILab, path: string | null): NotebookPanel | null {
  return (path && lab.notebooks?.find(panel => panel.context.path === path)) || null;
}
