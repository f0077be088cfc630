// Package certificate is X.509 (RFC 5280) as mail needs it: what several packages have to know about certificates and
// their keys, and none of them owns.
//
// A message brings certificates, and a zone brings keys, that strangers made. RSA takes time with the cube of the
// modulus, so that one key can keep a verifier busy for seconds: [CheckKey], [CheckSignature] and [CheckCost] refuse what
// is too large before anything is computed with it.
package certificate
