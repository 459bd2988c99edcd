// The TLS profile of our listeners: PS3.15 section B.12, that is BCP 195 (RFC 8996, RFC 9325).
import { constants } from 'node:crypto';
import type { SecureContextOptions } from 'node:tls';

/**
 * RFC 9325 section 4.2, and TLS 1.3's own. AEAD with ephemeral elliptic-curve keys only: section 4.1 advises against TLS_DHE_* and TLS_RSA_*.
 * CONFORMANCE.md lists the same; a test compares.
 */
export const CIPHER_SUITES = [
  'TLS_AES_256_GCM_SHA384',
  'TLS_CHACHA20_POLY1305_SHA256',
  'TLS_AES_128_GCM_SHA256',
  'ECDHE-ECDSA-AES256-GCM-SHA384',
  'ECDHE-RSA-AES256-GCM-SHA384',
  'ECDHE-ECDSA-AES128-GCM-SHA256',
  'ECDHE-RSA-AES128-GCM-SHA256',
] as const;

/** RFC 9325 section 4.2.1. */
export const GROUPS = ['X25519', 'P-256', 'P-384'] as const;

export const TLS_PROFILE: Readonly<SecureContextOptions> = {
  minVersion: 'TLSv1.2',
  ciphers: CIPHER_SUITES.join(':'),
  ecdhCurve: GROUPS.join(':'),
  honorCipherOrder: true,
  // Every connection is verified anew: a client certificate that expired or lost its authority is not carried on by a resumed session. An association
  // is long, a handshake takes milliseconds.
  secureOptions: constants.SSL_OP_NO_TICKET | constants.SSL_OP_NO_RENEGOTIATION,
};
