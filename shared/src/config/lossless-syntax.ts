// The lossless syntaxes of the gateway document that the compressor can make.

export type LosslessSyntax = 'htj2k-lossless' | 'jpeg2000-lossless';

/** PS3.6 table A-1: the transfer syntax that each stands for. */
export const TRANSFER_SYNTAX_OF: Record<LosslessSyntax, string> = {
  'htj2k-lossless': '1.2.840.10008.1.2.4.201',
  'jpeg2000-lossless': '1.2.840.10008.1.2.4.90',
};
