// The bundle's stamp: a hash of all that it was built from. `write` after a build; `check` says whether the bundle is fresh.
import { createHash } from 'node:crypto';
import { existsSync, readFileSync, readdirSync, statSync, writeFileSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';

const ROOT = join(dirname(fileURLToPath(import.meta.url)), '..');
const STAMP = join(ROOT, '..', 'mlops_nb', 'labextension', 'sources.sha256');
const FILES = ['package.json', 'package-lock.json', '.npmrc', 'tsconfig.json', 'webpack.config.js'];
const FOLDERS = ['src', 'style', 'schema', 'scripts'];

function walk(path) {
  const full = join(ROOT, path);
  if (!existsSync(full)) {
    return [];
  }
  return statSync(full).isDirectory() ? readdirSync(full).flatMap(name => walk(`${path}/${name}`)) : [path];
}

export function sources() {
  return [...FILES, ...FOLDERS]
    .flatMap(walk)
    .filter(path => !/\.test\.tsx?$/.test(path))
    .sort((a, b) => Buffer.compare(Buffer.from(a), Buffer.from(b)));
}

export function digest() {
  const hash = createHash('sha256');
  for (const path of sources()) {
    const bytes = readFileSync(join(ROOT, path));
    hash.update(path).update('\0').update(String(bytes.length)).update('\0').update(bytes);
  }
  return hash.digest('hex');
}

if (process.argv[2] === 'write') {
  writeFileSync(STAMP, digest() + '\n');
} else {
  const fresh = existsSync(STAMP) && readFileSync(STAMP, 'utf-8').trim() === digest();
  console.log(fresh ? 'The bundle is fresh.' : 'The bundle is stale: npm run build:prod');
  process.exitCode = fresh ? 0 : 1;
}
