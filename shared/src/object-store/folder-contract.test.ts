// The folder store keeps the contract of object stores.
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { openFolderStore } from './folder.ts';
import { describeStoreContract } from './store-contract-for-tests.ts';

describeStoreContract('a folder', async () => {
  const root = await mkdtemp(join(tmpdir(), 'causeway-folder-'));
  const store = await openFolderStore(root);
  const close = async () => {
    await store.close();
    await rm(root, { recursive: true });
  };
  return { store, close };
});
