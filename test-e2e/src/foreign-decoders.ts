// Other people's decoders: pydicom takes a file apart, OpenJPEG and GDCM give the samples back.
import { execFile } from 'node:child_process';
import { readFile, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { promisify } from 'node:util';

const execute = promisify(execFile);
const MAX_OUTPUT_BYTES = 64 * 1024 * 1024;
/** Debian's own, which has the package python3-pydicom. */
const PYTHON = '/usr/bin/python3';

/** Writes each frame of the encapsulated pixel data to a file of its own; prints every other element of the top level as VR and raw bytes. */
const TAKE_APART = `
import json, sys
import pydicom
from pydicom.encaps import generate_pixel_data_frame
ds = pydicom.dcmread(sys.argv[1])
elements, frames = {}, []
for tag in ds.keys():
    raw = ds.get_item(tag)
    if tag == 0x7FE00010:
        if raw.length != 0xFFFFFFFF: continue
        for n, frame in enumerate(generate_pixel_data_frame(raw.value, int(ds.get('NumberOfFrames', 1)))):
            path = '%s/frame-%d.j2k' % (sys.argv[2], n)
            open(path, 'wb').write(frame)
            frames.append(path)
    else:
        elements['%08x' % tag] = [raw.VR, raw.value.hex() if isinstance(raw.value, bytes) else repr(raw.value)]
print(json.dumps({'syntax': str(ds.file_meta.TransferSyntaxUID), 'elements': elements, 'frames': frames}))
`;

export interface TakenApart {
  readonly syntax: string;
  /** By tag: VR and hexadecimal bytes as they lie in the file; pixel data left out. */
  readonly elements: Record<string, [vr: string, bytes: string]>;
  /** Files with one codestream each. */
  readonly frames: string[];
}

export async function takeApart(file: string, scratch: string): Promise<TakenApart> {
  const { stdout } = await execute(PYTHON, ['-c', TAKE_APART, file, scratch], { maxBuffer: MAX_OUTPUT_BYTES });
  return JSON.parse(stdout) as TakenApart;
}

/** Samples of one frame, plane by plane, little endian; signed ones cut to their precision. */
export async function decodeByOpenJpeg(codestream: string): Promise<Buffer> {
  const output = codestream.replace(/\.j2k$/, '.rawl');
  await execute('opj_decompress', ['-i', codestream, '-o', output], { maxBuffer: MAX_OUTPUT_BYTES });
  return readFile(output);
}

/** The pixel data of a JPEG 2000 file as GDCM writes it uncompressed, all frames. */
export async function decodeByGdcm(file: string, scratch: string): Promise<Buffer> {
  const output = join(scratch, 'raw.dcm');
  await execute('gdcmconv', ['--raw', '-i', file, '-o', output], { maxBuffer: MAX_OUTPUT_BYTES });
  const script = 'import pydicom,sys; sys.stdout.buffer.write(pydicom.dcmread(sys.argv[1]).PixelData)';
  const { stdout } = await execute(PYTHON, ['-c', script, output], { encoding: 'buffer', maxBuffer: MAX_OUTPUT_BYTES });
  return stdout;
}

export async function writeTo(folder: string, name: string, bytes: Buffer): Promise<string> {
  const path = join(folder, name);
  await writeFile(path, bytes);
  return path;
}
