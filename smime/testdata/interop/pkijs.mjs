// Signs, verifies, encrypts and decrypts CMS with pkijs.
// sign ENTITY OUT attached|detached KEY CERTIFICATE DIGEST ALGORITHM
// verify SIGNED ENTITY|- ANCHOR
// encrypt|decrypt IN OUT KEY CERTIFICATE [CIPHER]
import { readFileSync, writeFileSync } from 'node:fs';
import * as asn1js from 'asn1js';
import * as pkijs from 'pkijs';

const bytes = (file) => new Uint8Array(readFileSync(file));
const pem = (file) => Buffer.from(readFileSync(file, 'utf8').split('-----')[2], 'base64');
const [job, input, ...rest] = process.argv.slice(2);

async function sign(out, form, keyFile, certFile, digest, scheme) {
  const cert = pkijs.Certificate.fromBER(pem(certFile));
  const hash = digest.replace('sha', 'SHA-');
  const curve = { 'SHA-256': 'P-256', 'SHA-384': 'P-384', 'SHA-512': 'P-521' }[hash];
  const algorithm = scheme === 'ECDSA' ? { name: 'ECDSA', namedCurve: curve } : { name: scheme, hash };
  const key = await crypto.subtle.importKey('pkcs8', pem(keyFile), algorithm, true, ['sign']);
  const content = bytes(input);
  const attribute = (type, value) => new pkijs.Attribute({ type, values: [value] });
  const digestOf = await crypto.subtle.digest(hash, content);
  const signed = new pkijs.SignedData({
    version: 1,
    encapContentInfo: new pkijs.EncapsulatedContentInfo({
      eContentType: '1.2.840.113549.1.7.1',
      ...(form === 'attached' && { eContent: new asn1js.OctetString({ valueHex: content }) }),
    }),
    signerInfos: [new pkijs.SignerInfo({
      version: 1,
      sid: new pkijs.IssuerAndSerialNumber({ issuer: cert.issuer, serialNumber: cert.serialNumber }),
      signedAttrs: new pkijs.SignedAndUnsignedAttributes({
        type: 0,
        attributes: [
          attribute('1.2.840.113549.1.9.3', new asn1js.ObjectIdentifier({ value: '1.2.840.113549.1.7.1' })),
          attribute('1.2.840.113549.1.9.5', new asn1js.UTCTime({ valueDate: new Date() })),
          attribute('1.2.840.113549.1.9.4', new asn1js.OctetString({ valueHex: digestOf })),
        ],
      }),
    })],
    certificates: [cert],
  });
  await signed.sign(key, 0, hash, content);
  const info = new pkijs.ContentInfo({ contentType: '1.2.840.113549.1.7.2', content: signed.toSchema(true) });
  writeFileSync(out, Buffer.from(info.toSchema().toBER()));
}

async function verify(entity, anchor) {
  const signed = new pkijs.SignedData({ schema: pkijs.ContentInfo.fromBER(bytes(input)).content });
  const found = await signed.verify({
    signer: 0,
    ...(entity !== '-' && { data: bytes(entity).buffer }),
    trustedCerts: [pkijs.Certificate.fromBER(pem(anchor))],
    checkChain: true,
    extendedMode: true,
  });
  if (!found.signatureVerified || !found.signerCertificateVerified) throw new Error(found.message || 'refused');
}

async function encrypt(out, keyFile, certFile, cipher) {
  const [, length, mode] = cipher.match(/^aes-(\d+)-(\w+)$/);
  const enveloped = new pkijs.EnvelopedData();
  enveloped.addRecipientByCertificate(pkijs.Certificate.fromBER(pem(certFile)));
  await enveloped.encrypt({ name: `AES-${mode.toUpperCase()}`, length: Number(length) }, bytes(input));
  const info = new pkijs.ContentInfo({ contentType: '1.2.840.113549.1.7.3', content: enveloped.toSchema() });
  writeFileSync(out, Buffer.from(info.toSchema().toBER()));
}

async function decrypt(out, keyFile, certFile) {
  const enveloped = new pkijs.EnvelopedData({ schema: pkijs.ContentInfo.fromBER(bytes(input)).content });
  const content = await enveloped.decrypt(0, {
    recipientCertificate: pkijs.Certificate.fromBER(pem(certFile)),
    recipientPrivateKey: new Uint8Array(pem(keyFile)).buffer,
  });
  writeFileSync(out, Buffer.from(content));
}

try {
  await { sign, verify, encrypt, decrypt }[job](...rest);
} catch (e) {
  console.log(`error: ${e.message}`);
  process.exit(1);
}
