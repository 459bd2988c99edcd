// Why a TLS handshake failed, in one sentence that says what is wrong and what to do: the codes of Node and OpenSSL as a table.
import type { ScpEventKind } from './scp.ts';

export interface TlsFailure {
  readonly kind: ScpEventKind;
  readonly detail: string;
}

const OWN_REFUSED = 'give the peer the certificate of the authority that signed ours, or this listener a certificate that the peer trusts';
const CLIENT_REFUSED = 'give the peer a certificate signed by an authority of clientCa, or add its authority there';

/** Code of the handshake's error (`error.code`). */
const HANDSHAKE: Readonly<Record<string, TlsFailure>> = {
  ERR_SSL_PEER_DID_NOT_RETURN_A_CERTIFICATE: {
    kind: 'tls-client-certificate-missing',
    detail: `the peer gave no client certificate, which this listener requires: ${CLIENT_REFUSED}`,
  },
  ERR_SSL_UNSUPPORTED_PROTOCOL: {
    kind: 'tls-version-refused',
    detail: 'the peer offers TLS 1.1 or older at most: switch TLS 1.2 or 1.3 on there (PS3.15 section B.12)',
  },
  ERR_SSL_NO_SHARED_CIPHER: {
    kind: 'tls-no-shared-cipher',
    detail: 'the peer offers no cipher suite of RFC 9325: allow ECDHE with AES-GCM there (PS3.15 section B.12)',
  },
  ERR_SSL_TLSV1_ALERT_UNKNOWN_CA: ownRefused('it does not know the authority that signed it'),
  ERR_SSL_SSLV3_ALERT_CERTIFICATE_EXPIRED: ownRefused('it has expired'),
  ERR_SSL_SSLV3_ALERT_CERTIFICATE_REVOKED: ownRefused('it is revoked'),
  ERR_SSL_SSLV3_ALERT_BAD_CERTIFICATE: ownRefused('it is not valid there, perhaps for its host name'),
  ERR_SSL_SSLV3_ALERT_UNSUPPORTED_CERTIFICATE: ownRefused('its kind is not supported there'),
  ERR_SSL_SSLV3_ALERT_CERTIFICATE_UNKNOWN: ownRefused('no reason is given'),
  ERR_TLS_HANDSHAKE_TIMEOUT: failed('the peer did not finish it in time: look at the network and the load of the peer'),
  ECONNRESET: failed('the peer closed the connection in the middle of it: its own log says why'),
};

/** Why a client certificate is not valid (`authorizationError`, OpenSSL's verification errors). */
const CLIENT_CERTIFICATE: Readonly<Record<string, string>> = {
  CERT_HAS_EXPIRED: 'has expired: renew it there',
  CERT_NOT_YET_VALID: 'is not valid yet: look at the clocks of both machines',
  CERT_REVOKED: 'is revoked: renew it there',
  DEPTH_ZERO_SELF_SIGNED_CERT: `is self-signed and not in clientCa: ${CLIENT_REFUSED}`,
  SELF_SIGNED_CERT_IN_CHAIN: `is signed by an authority that is not in clientCa: ${CLIENT_REFUSED}`,
  UNABLE_TO_GET_ISSUER_CERT: `is signed by an authority that is not in clientCa: ${CLIENT_REFUSED}`,
  UNABLE_TO_GET_ISSUER_CERT_LOCALLY: `is signed by an authority that is not in clientCa: ${CLIENT_REFUSED}`,
  UNABLE_TO_VERIFY_LEAF_SIGNATURE: `is signed by an authority that is not in clientCa: ${CLIENT_REFUSED}`,
  CERT_SIGNATURE_FAILURE: `has a wrong signature: ${CLIENT_REFUSED}`,
  INVALID_PURPOSE: 'is not meant for TLS clients: give the peer one with the extended key usage clientAuth',
};

/** `code`: of the error; `authorizationError`: what Node found wrong with the client certificate, if it came so far. */
export function tlsFailure(code: string | undefined, authorizationError?: string): TlsFailure {
  if (authorizationError) return invalidClientCertificate(authorizationError);
  return HANDSHAKE[code ?? ''] ?? failed(`${code ?? 'unknown error'}: compare versions, cipher suites and certificates of both sides`);
}

export function invalidClientCertificate(authorizationError: string): TlsFailure {
  const why = CLIENT_CERTIFICATE[authorizationError] ?? `is not valid (${authorizationError}): ${CLIENT_REFUSED}`;
  return { kind: 'tls-client-certificate-invalid', detail: `the client certificate of the peer ${why}` };
}

function ownRefused(why: string): TlsFailure {
  return { kind: 'tls-own-certificate-refused', detail: `the peer refuses the certificate of this listener, ${why}: ${OWN_REFUSED}` };
}

function failed(why: string): TlsFailure {
  return { kind: 'tls-handshake-failed', detail: `the TLS handshake failed, ${why}` };
}
