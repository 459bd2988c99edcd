// What a span may say of a path.
import assert from 'node:assert/strict';
import { it } from 'node:test';
import { templateOf } from './http-spans.ts';

it('says of a path its words only, whatever stands between them', () => {
  assert.equal(templateOf('/studies'), '/studies');
  assert.equal(
    templateOf('/studies/1.2.3/series/4.5/instances/6.7/frames/1'),
    '/studies/{study}/series/{series}/instances/{instance}/frames/{frame}',
  );
  assert.equal(templateOf('/studies/1.2.3/metadata'), '/studies/{study}/metadata');
  assert.equal(templateOf('/DOE^JANE/studies/1'), '/{id}/studies/{study}');
  assert.equal(templateOf('/studies/DOE^JANE/DOE'), '/studies/{study}/{id}');
});
