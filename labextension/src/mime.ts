/** The renderer of run cards in outputs; the card itself is loaded with the first one. */

import type { IRenderMime } from '@jupyterlab/rendermime-interfaces';
import { Widget } from '@lumino/widgets';

import type { ILab } from './tokens';
import type { ICard } from './wire';

export const CARD_MIME = 'application/vnd.mlops-nb.run+json';

export function cardFactory(lab: ILab): IRenderMime.IRendererFactory {
  return {
    safe: true,
    mimeTypes: [CARD_MIME],
    defaultRank: 0,
    createRenderer: () => new CardRenderer(lab)
  };
}

class CardRenderer extends Widget implements IRenderMime.IRenderer {
  private _drop: (() => void) | null = null;

  constructor(private _lab: ILab) {
    super();
    this.addClass('mlops-CardHost');
  }

  async renderModel(model: IRenderMime.IMimeModel): Promise<void> {
    const { drawCard, isCard } = await import('./card');
    const record = model.data[CARD_MIME] as unknown as ICard;
    if (!isCard(record)) {
      // A card of a later release, or no card at all: its plain text says the same.
      this.node.textContent = String(model.data['text/plain'] ?? 'A run card that this version cannot read.');
      return;
    }
    this._drop = drawCard(this.node, this._lab, record);
  }

  dispose(): void {
    this._drop?.();
    super.dispose();
  }
}
