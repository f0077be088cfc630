package receiver_test

import (
	"crypto"
	"encoding/asn1"

	"dnseal/smime"
)

// oidBeside is the type of the unsigned attribute with a post-quantum signature.
var oidBeside = asn1.ObjectIdentifier{1, 2, 840, 113556, 1, 8000, 2554, 21861, 5220, 32913, 16599, 36273, 14217779, 708875, 4}

// beside puts the SignedData by p over the content into an unsigned attribute of the first signer.
func beside(content string, p person, change func(*signer)) func(*signedData) {
	der := signedBy(content, p, func(sd *signedData) {
		sd.signers[0].hash = crypto.SHA512
		if change != nil {
			change(&sd.signers[0])
		}
	})
	return func(sd *signedData) {
		sd.signers[0].unsigned = append(sd.signers[0].unsigned, attribute(oidBeside, der))
	}
}

// hybrid is alice's message with what change puts beside her signature.
func (c *cast) hybrid(change func(*signedData)) string {
	return header("alice@example.org") + clear(bare, signedBy(bare, c.alice, change))
}

// postQuantum are messages signed by ML-DSA, alone and beside a classical signature.
func (c *cast) postQuantum() []vector {
	t := c.t
	alone, strong := newPerson(t, "alice@example.org", "mldsa65", person{}, nil), newPerson(t, "alice@example.org", "mldsa87", person{}, nil)
	mallory, forged := newPerson(t, "mallory@example.org", "mldsa65b", person{}, nil), newPerson(t, "alice@example.org", "mldsa65b", person{}, nil)
	both := c.alice
	both.beside = &alone
	digests, whole := c.zoneOf(c.alice, alone, mallory), c.zoneOf(c.alice, mallory)+alone.record(t, "3 1 0")
	certificate := c.zoneOf(c.alice) + alone.record(t, "3 0 0")
	// what is told of the signature beside, and of the message
	told := func(code, inner, innerCode string) map[string]any {
		return verdict("pass", code, "signatures", []any{map[string]any{"post_quantum": map[string]any{"verdict": inner, "code": innerCode, "algorithm": "ml-dsa-65"}}})
	}
	good := beside(bare, alone, nil)
	return append([]vector{
		{name: "pass-pq-alone", readme: "Signed by ML-DSA-65 alone, with the record 3 1 1.", eml: signed(t, mail("alice@example.org"), smime.SignOptions{}, alone), zone: c.zoneOf(alone), report: verdict("pass", "", "signatures", signature("algorithm", "ml-dsa-65", "name_bound", true))},
		{name: "pass-pq-alone-bare", readme: "By ML-DSA-87 without certificate; the record 3 1 0 has the key.", eml: signed(t, mail("alice@example.org"), smime.SignOptions{NoCertificates: true}, strong), zone: "; zone example.org.\n" + strong.record(t, "3 1 0"), report: verdict("pass", "", "signatures", signature("algorithm", "ml-dsa-87"))},
		{name: "pass-pq-hybrid", readme: "P-256, and ML-DSA-65 beside it: both keys are published as digests.", eml: signed(t, mail("alice@example.org"), smime.SignOptions{}, both), zone: digests, report: told("", "pass", "")},
		{name: "pass-pq-hybrid-opaque", readme: "The same in an opaque message, with the key for ML-DSA published whole.", eml: signed(t, mail("alice@example.org"), smime.SignOptions{Opaque: true}, both), zone: whole, report: told("", "pass", "")},
		{name: "pass-pq-hybrid-bare", readme: "Both without certificate; the records have the keys.", eml: signed(t, mail("alice@example.org"), smime.SignOptions{NoCertificates: true}, both), zone: "; zone example.org.\n" + c.alice.record(t, "3 1 0") + alone.record(t, "3 1 0"), report: told("", "pass", "")},
		{name: "pass-pq-side-by-side", readme: "P-256 and ML-DSA-65 as two SignerInfos of one SignedData, as other programs write it; the key is published whole.", eml: c.hybrid(func(sd *signedData) {
			sd.certs = append(sd.certs, alone.cert)
			sd.signers = append(sd.signers, signer{person: alone, content: []byte(bare), hash: crypto.SHA512})
		}), zone: whole, report: verdict("pass", "")},
		{name: "pass-pq-of-another", readme: "The signature beside alice's is mallory's, who publishes the key: it says nothing about alice.", eml: c.hybrid(beside(bare, mallory, nil)), zone: digests, report: told("", "policy", "from-mismatch")},
		{name: "pass-pq-unpublished", readme: "The certificate beside names alice, and she does not publish its key: it does not count.", eml: c.hybrid(beside(bare, forged, nil)), zone: digests, report: told("", "fail", "key-mismatch")},
		{name: "pass-pq-weak-digest", readme: "ML-DSA-65 with SHA-256 beside, which is weaker (RFC 9882, Table 1): it does not count.", eml: c.hybrid(beside(bare, alone, func(s *signer) { s.hash = crypto.SHA256 })), zone: digests, report: told("", "policy", "weak")},
		{name: "pass-pq-not-post-quantum", readme: "What stands beside is by P-256: it holds, and proves no more.", eml: c.hybrid(beside(bare, c.alice, func(s *signer) { s.hash = crypto.SHA256 })), zone: digests, report: verdict("pass", "", "signatures", []any{map[string]any{"post_quantum": map[string]any{"verdict": "neutral", "code": "unsupported"}}})},
		{name: "pass-pq-cut-digest", readme: "Nothing stands beside, and of the key for ML-DSA only a digest is published, which could be of any key.", eml: c.hybrid(nil), zone: digests, report: verdict("pass", "")},
		{name: "pq-missing", readme: "Nothing stands beside, and the name publishes a key for ML-DSA.", eml: c.hybrid(nil), zone: whole, report: verdict("pass", "pq-missing")},
		{name: "pq-missing-certificate", readme: "The same where it publishes a certificate with such a key.", eml: c.hybrid(nil), zone: certificate, report: verdict("pass", "pq-missing")},
		{name: "pq-missing-of-another", readme: "mallory's signature does not stand in for that of alice.", eml: c.hybrid(beside(bare, mallory, nil)), zone: whole, report: told("pq-missing", "policy", "from-mismatch")},
		{name: "pq-missing-unpublished", readme: "Nor does one by a key that she does not publish.", eml: c.hybrid(beside(bare, forged, nil)), zone: whole, report: told("pq-missing", "fail", "key-mismatch")},
		{name: "pq-missing-weak-digest", readme: "Nor one whose digest is too weak.", eml: c.hybrid(beside(bare, alone, func(s *signer) { s.hash = crypto.SHA256 })), zone: whole, report: told("pq-missing", "policy", "weak")},
	}, attacks([]vector{
		{name: "pq-beside-bad-value", readme: "The value of the signature beside is wrong: as bad as that of a cosigner.", eml: c.hybrid(beside(bare, alone, func(s *signer) { s.flip = true })), zone: digests, report: verdict("policy", "bad-cosigner")},
		{name: "pq-beside-bad-digest", readme: "It is over another text.", eml: c.hybrid(beside(evil, alone, nil)), zone: whole, report: verdict("policy", "bad-cosigner")},
		{name: "pq-beside-other-certificate", readme: "It names another certificate by its hash than it brings.", eml: c.hybrid(beside(bare, alone, func(s *signer) { s.hashes = c.alice.cert })), zone: digests, report: verdict("policy", "bad-cosigner")},
		{name: "pq-beside-twice", readme: "Two stand beside.", eml: c.hybrid(func(sd *signedData) { good(sd); good(sd) }), zone: digests, report: verdict("policy", "bad-cosigner")},
		{name: "pq-beside-nothing", readme: "What stands there is no SignedData.", eml: c.hybrid(func(sd *signedData) {
			sd.signers[0].unsigned = [][]byte{attribute(oidBeside, derOctets([]byte("none")))}
		}), zone: digests, report: verdict("policy", "bad-cosigner")},
		{name: "pq-beside-bad-of-mallory", readme: "mallory's bad one is no better than alice's own.", eml: c.hybrid(beside(bare, mallory, func(s *signer) { s.flip = true })), zone: digests, report: verdict("policy", "bad-cosigner")},
		{name: "pq-outer-bad-value", readme: "A good signature beside a wrong one mends nothing.", eml: c.hybrid(func(sd *signedData) {
			good(sd)
			sd.signers[0].flip = true
		}), zone: digests, report: verdict("fail", "bad-signature", "signatures", []any{map[string]any{"post_quantum": map[string]any{"integrity": "good", "verdict": "policy"}}})},
		{name: "pq-outer-bad-digest", readme: "The classical signature is over another text.", eml: c.hybrid(func(sd *signedData) {
			good(sd)
			sd.signers[0].content = []byte(evil)
		}), zone: digests, report: verdict("fail", "bad-digest")},
		{name: "pq-outer-unpublished", readme: "alice publishes the key beside, and not the one that it stands beside.", eml: c.hybrid(good), zone: c.zoneOf(alone), report: verdict("fail", "key-mismatch", "signatures", []any{map[string]any{"post_quantum": map[string]any{"verdict": "pass"}}})},
		{name: "pq-outer-unsupported", readme: "The algorithm of the classical signature is not known here, and that of the one beside is.", eml: c.hybrid(func(sd *signedData) {
			good(sd)
			sd.signers[0].algorithm = asn1.ObjectIdentifier{1, 3, 101, 113}
		}), zone: digests, report: verdict("neutral", "unsupported")},
		{name: "pq-outer-of-mallory", readme: "mallory signs as herself, with alice's signature over the same text beside hers.", eml: header("alice@example.org") + clear(bare, signedBy(bare, c.mallory, good)), zone: c.everybody(), report: verdict("policy", "from-mismatch")},
	})...)
}
