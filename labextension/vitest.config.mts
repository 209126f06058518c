import { defineConfig } from 'vitest/config';

// Pure modules only: what touches JupyterLab is tested in a real one (tests/browser).
export default defineConfig({ test: { include: ['src/**/*.test.ts'], environment: 'node' } });
