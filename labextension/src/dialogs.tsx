import type { ILab } from './tokens';
export async function registerModel(lab: ILab, run: string): Promise<void> { void lab; void run; }
export async function promoteVersion(lab: ILab, name: string, version: number): Promise<void> { void lab; void name; void version; }
export async function rollBack(lab: ILab, name: string, target: string, to: string): Promise<void> { void lab; void name; void target; void to; }
