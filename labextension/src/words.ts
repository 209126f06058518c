/** Words for the reader, through Jupyter's translator. */

import { ITranslator, nullTranslator, TranslationBundle } from '@jupyterlab/translation';

let bundle: TranslationBundle = nullTranslator.load('mlops_nb');

export function useTranslator(translator: ITranslator | null): void {
  bundle = (translator ?? nullTranslator).load('mlops_nb');
}

/** A text in the user's language; `%1`, `%2` … are filled in. Two `%` in the text itself would become one. */
export function __(text: string, ...values: (string | number)[]): string {
  return bundle.__(text, ...values.map(String));
}

/** The same for a number of things. */
export function _n(one: string, many: string, count: number): string {
  return bundle._n(one, many, count, String(count));
}
