package receiver

// Codes are the stable words of Report.Code and SignatureReport.Code. Beside these, "limit:WORD"
// and "budget:WORD" name a limit that was reached, and an indeterminate DNS answer gives its own
// word ("timeout", "servfail", …: the codes of package lookup).
const (
	// Integrity: the words of package smime. Verdict fail.

	CodeBadSignature   = "bad-signature"   // the signature value is wrong
	CodeBadDigest      = "bad-digest"      // the content is not what was signed
	CodeBadAttributes  = "bad-attributes"  // the signed attributes contradict the rest
	CodeKeySubstituted = "key-substituted" // the certificate is not the one that was signed along
	CodeBadCosigner    = "bad-cosigner"    // another signer of the same SignedData is bad; policy

	// Integrity that cannot be told.

	CodeMalformed     = "malformed"      // the message or the signature cannot be read; permerror
	CodeUnsupported   = "unsupported"    // an algorithm or form that is not known here; neutral
	CodeTooBig        = "too-big"        // over Options.MaxBytes, and not looked at; permerror
	CodeInternalError = "internal-error" // trouble of this machine; temperror

	// Identity.

	// the message brings no certificate, and no record the key; neutral
	CodeNoKey = "no-key"
	// neither a certificate nor a protected From states a name; policy
	CodeNoName = "no-name"
	// a certificate that names itself as issuer, and is not signed by its key; policy
	CodeNameNotBound = "name-not-bound"
	// the name stated cannot have a record (an address literal, too long); neutral
	CodeNoOwnerName = "no-owner-name"

	// DNS.

	CodeKeyMismatch = "key-mismatch" // records exist, and none is of this key; fail
	// the record would match, but the certificate is outside its dates; fail
	CodeExpired = "expired"
	CodeRevoked = "revoked-or-unpublished" // proven: there is no record; fail
	// the same for saved mail, whose record may have been there when it came; fail
	CodeNotPublishedNow = "not-published-now"
	// key-mismatch of saved mail by whom From says: the key may have been replaced since; fail
	CodeKeyReplaced = "key-not-published-now"
	// a CA-issued certificate, and its owner publishes no record; neutral
	CodeNoRecord = "no-record"
	// records exist, and none of them can be used; neutral
	CodeUnusableRecords = "unusable-records"
	CodeInsecure        = "insecure" // proven: the zone is not signed; neutral
	// the zone should be signed and is not, or wrongly; temperror
	CodeBogus = "bogus"
	// our allow or deny list forbids the lookup; neutral
	CodeDenied = "denied"
	// could not be looked up, and nobody said why; temperror
	CodeIndeterminate = "indeterminate"
	// not looked up, or not judged, in time; temperror
	CodeTimeout = "timeout"
	// judged by PKIX roots: with pass, they vouch for it; with policy, they do not
	CodePKIX = "pkix"

	// Binding. Verdict policy.

	CodeBadFrom      = "bad-from"      // From cannot be read; permerror
	CodeNoFrom       = "no-from"       // no From address
	CodeSeveralFrom  = "several-from"  // more than one From address
	CodeDisplayName  = "display-name"  // the display name of From shows another address
	CodeFromMismatch = "from-mismatch" // signed by somebody else than From says
	// the signer is who the protected From says, and From says another
	CodeFromRewritten = "from-rewritten"
	// the signer is who From says, but the protected From says another, or nothing
	CodeInnerFromMismatch = "inner-from-mismatch"
	// a device, service or host without a rule that lets it use this From
	CodeNoRule = "no-rule"
	// a protected field that readers show or act on is not as it was signed
	CodeHeaderChanged = "header-changed"
	CodeNotEntity     = "not-an-entity" // what is signed is no MIME entity, but a file
	// covers only a part of the message, or leaves out a text that readers may show
	CodePartial = "partial"

	// Freshness and quality. Verdict policy.

	CodeWeak           = "weak"             // an algorithm or key size that does not count
	CodeSignedInFuture = "signed-in-future" // the signing time is more than five minutes ahead
	// the certificate is for something else than signing mail
	CodeKeyUsage = "key-usage"

	// Verdict pass.

	// the header was changed, and is put back as it was signed (Options.RestoreHeader)
	CodeHeaderRestored = "header-restored"

	// Unsigned mail, verdict none: what it is instead.

	CodeEncrypted  = "encrypted"
	CodeCompressed = "compressed"
	CodeCertsOnly  = "certs-only"
	CodePGP        = "pgp"
)

// maxIdentities is how many signers of one message are looked up at most; package smime has the
// limit on signatures.
const maxIdentities = 4

const (
	codeLimitIdentities = "limit:identities"
	codeLimitPaths      = "limit:paths"
)
