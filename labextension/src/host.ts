/** The place of the sidebar: empty until it is first shown. */

import { PromiseDelegate } from '@lumino/coreutils';
import type { Message } from '@lumino/messaging';
import { Panel } from '@lumino/widgets';

import type { ILab } from './tokens';

export class SidebarHost extends Panel {
  private _asked = false;
  private _ready = new PromiseDelegate<void>();

  constructor(private _lab: ILab) {
    super();
    this.addClass('mlops-Host');
  }

  get ready(): Promise<void> {
    return this._ready.promise;
  }

  protected onAfterShow(message: Message): void {
    super.onAfterShow(message);
    this._fill();
  }

  protected onAfterAttach(message: Message): void {
    super.onAfterAttach(message);
    if (this.isVisible) {
      this._fill();
    }
  }

  private _fill(): void {
    if (this._asked) {
      return;
    }
    this._asked = true;
    this._lab.list.activate();
    void Promise.all([import('./sidebar'), this._lab.list.restored]).then(([{ makeSidebar }]) => {
      this.addWidget(makeSidebar(this._lab));
      requestAnimationFrame(() => this._ready.resolve());
    });
  }
}
