package zonecheck

// chainKinds are about the way from the trust anchor to the zone.
var chainKinds = []Kind{
	{
		CodeSecure, OK, groupChain, "the zone validates from the trust anchor down.", "", "",
	},
	{
		CodeNoDomain, Wrong, groupChain, "there is no such domain.",
		"Nothing below it can be looked up.",
		"Check the name; if it is right, have the parent zone delegate it.",
	},
	{
		CodeUndecided, Undecided, groupChain, "something could not be told: no answer, or a limit.",
		"What is not known is not right.",
		"Try again later, and from another network; the text has the cause.",
	},
	{
		CodeUnsigned, Wrong, groupChain, "the zone is not signed.",
		"Its records cannot be told from forged ones: a signature by its names proves nothing.",
		"Sign the zone by DNSSEC; when all its records are signed, have the parent publish the DS.",
	},
	{
		CodeNoDS, Wrong, groupChain, "the zone is signed, but its parent has no DS for it.",
		"Without a DS nothing leads to its keys: for every verifier it is an unsigned zone.",
		"Give the DS (SHA-256) of the key-signing key to the registrar, or to who runs the parent zone.",
	},
	{
		CodeParentInsecure, Wrong, groupChain, "the zone above is not secure.",
		"The chain of trust ends there, so this zone cannot be secure either.",
		"Have the zone above signed and delegated with a DS, or use a domain below a signed one.",
	},
	{
		CodeDSMismatch, Wrong, groupChain, "no DS in the parent fits a key of the zone.",
		"Every verifier finds the whole zone bogus: nothing in it can be looked up.",
		"Publish a DS of the present key-signing key in the parent, or bring the old key back.",
	},
	{
		CodeDSStale, Note, groupChain, "a DS in the parent fits no key of the zone.",
		"It does no harm while another one fits; left from a key change, it hides that the change was not finished.",
		"Remove it from the parent, unless its key comes next.",
	},
	{
		CodeDSSHA1, Wrong, groupChain, "the only DS in the parent is a SHA-1 digest.",
		"RFC 9905: SHA-1 must not be used; verifiers count the zone as unsigned.",
		"Replace it in the parent by a DS with SHA-256 (digest type 2).",
	},
	{
		CodeDSSHA1Also, Note, groupChain, "a DS in the parent is a SHA-1 digest, next to better ones.",
		"RFC 9905: SHA-1 must not be used. Verifiers ignore it where there is a better one.",
		"Remove it from the parent.",
	},
	{
		CodeSHA1, Wrong, groupChain, "the zone is signed with RSA and SHA-1 (algorithm 5 or 7).",
		"RFC 9905: SHA-1 must not be used; many verifiers, dnseal among them, count the zone as unsigned.",
		"Change to algorithm 13 (ECDSA P-256 with SHA-256).",
	},
	{
		CodeUnsupported, Wrong, groupChain, "the zone is signed only with algorithms that not every verifier has.",
		"To a verifier that does not know the algorithm the zone is unsigned: programs in Go have no Ed448 (16) and no GOST.",
		"Change to algorithm 13 (ECDSA P-256 with SHA-256), or sign with it too.",
	},
	{
		CodeMixed, Note, groupChain, "the zone has keys of several algorithms.",
		"One valid signature is enough for a verifier, so the zone is as strong as the weakest of them.",
		"Finish the change of algorithm that has begun.",
	},
	{
		CodeWeakKey, Note, groupChain, "an RSA key of the zone has less than 2048 bits.",
		"Who breaks a key of the zone forges every record in it.",
		"Change to algorithm 13 (ECDSA P-256), or to RSA of 2048 bits.",
	},
	{
		CodeInsecure, Wrong, groupChain, "verifiers count the zone as unsigned, for another cause.",
		"Records of a zone that is not secure prove nothing.",
		"Remove the cause that the text names.",
	},
	{
		CodeBogus, Wrong, groupChain, "an answer of the zone does not validate.",
		"Verifiers get nothing from a bogus answer: mail signed by its names cannot be verified.",
		"Sign the zone again, and see that all name servers have the same version of it.",
	},
	{
		CodeDelegated, Note, groupChain, "names below are zones of their own, which were not checked.",
		"What is found here says nothing about them.",
		"Check each of them: dnseal zone check NAME.",
	},
}

// serverKinds are about each name server.
var serverKinds = []Kind{
	{
		CodeServers, OK, groupServers, "every name server answers, by UDP and TCP, with the same version of the zone.", "", "",
	},
	{
		CodeOneServer, Note, groupServers, "the zone has one name server only.",
		"When it does not answer, no signature by the names of this zone can be verified (temperror).",
		"Add a secondary in another network (RFC 2182).",
	},
	{
		CodeNoAddress, Wrong, groupServers, "a name server has no address.",
		"Resolvers try it in vain, and the zone has one name server less.",
		"Correct its name in the NS records, or give it an A or AAAA record.",
	},
	{
		CodeUnreachable, Wrong, groupServers, "a name server does not answer.",
		"Resolvers wait for it before they try another one: lookups are slow or fail.",
		"See that it runs and that port 53 is open for UDP and TCP, or remove it from the NS records.",
	},
	{
		CodeNoIPv6, Note, groupServers, "a name server with an IPv6 address could not be asked: this machine has no IPv6.",
		"", "Check again from a machine with IPv6.",
	},
	{
		CodeNoUDP, Wrong, groupServers, "a name server does not answer by UDP.",
		"Resolvers ask by UDP first, and many wait seconds before they try TCP.",
		"Open port 53 for UDP.",
	},
	{
		CodeNoTCP, Wrong, groupServers, "a name server does not answer by TCP.",
		"RFC 7766 demands it. Records of 4096-bit certificates, and many keys, do not fit into UDP: they cannot be looked up there.",
		"Open port 53 for TCP, in the server and in every firewall before it.",
	},
	{
		CodeNoEDNS, Wrong, groupServers, "a name server does not speak EDNS.",
		"DNSSEC needs EDNS (RFC 4035, Section 3.1): the server gives out no signatures.",
		"Replace the server, or the firewall before it that removes OPT records.",
	},
	{
		CodeNoDNSSEC, Wrong, groupServers, "a name server leaves out signatures.",
		"Its answers are bogus to every verifier.",
		"Switch DNSSEC on there, or remove it from the NS records.",
	},
	{
		CodeLame, Wrong, groupServers, "a name server does not serve the zone.",
		"Resolvers try it in vain: lookups are slow or fail.",
		"Configure the zone there, see that its transfer works, or remove it from the NS records.",
	},
	{
		CodeNotAuthoritative, Wrong, groupServers, "a name server answers without authority (no AA bit).",
		"It hands out what it remembers instead of the zone: withdrawn records live on there, and resolvers ignore it.",
		"Configure it as a secondary of the zone.",
	},
	{
		CodeBehind, Wrong, groupServers, "a name server has an older version of the zone.",
		"Withdrawn records are still published there, and new ones are not.",
		"See that NOTIFY and zone transfers reach it (its log says why they fail).",
	},
	{
		CodeDiffers, Wrong, groupServers, "name servers with the same version of the zone answer differently.",
		"What a verifier finds depends on whom its resolver asks.",
		"Transfer the zone again from the primary, with a higher serial.",
	},
}

// denialKinds are about how the zone says no.
var denialKinds = []Kind{
	{
		CodeDenial, OK, groupDenial, "absence is proven: a withdrawn record counts as withdrawn.", "", "",
	},
	{
		CodeDenialBogus, Wrong, groupDenial, "the proof of absence does not validate.",
		"Absence is the revocation: without a proof a withdrawn key is an error, not a revoked key.",
		"Sign the zone again; a name server must add NSEC or NSEC3 records with their signatures.",
	},
	{
		CodeOptOut, Wrong, groupDenial, "the zone uses NSEC3 with opt-out.",
		"A withdrawal in an opt-out zone is never proven: verifiers cannot tell a withdrawn record from one that is held back.",
		"Sign the zone without opt-out (NSEC, or NSEC3 with flags 0).",
	},
	{
		CodeIterations, Wrong, groupDenial, "NSEC3 uses more than 0 iterations.",
		"RFC 9276: must be 0. Verifiers may count the zone as unsigned, or refuse it; the number of attempts to guess a name falls by nothing worth it.",
		"Set the iterations to 0.",
	},
	{
		CodeSalt, Note, groupDenial, "NSEC3 uses a salt.",
		"RFC 9276: should be empty. It hides nothing: it is public, and the domain name is in every hash already.",
		"Set an empty salt (\"-\").",
	},
	{
		CodeHides, Wrong, groupDenial, "the denial of another type at a name says that its SMIMEA or TLSA record is not there.",
		"A resolver that uses denials aggressively (RFC 8198; unbound does by default) then answers that the key does not exist, with proof: valid signatures fail.",
		"Serve the zone by software whose NSEC lists all types (CoreDNS's plugin \"dnssec\" lists a fixed set without SMIMEA).",
	},
	{
		CodeENT, Wrong, groupDenial, "a name that has names below it is said not to exist.",
		"RFC 8020: then nothing below it exists either. Resolvers that ask label by label (RFC 9156) do not find the records.",
		"Replace the name server: names without records of their own must be answered NOERROR (RFC 4592, Section 2.2.2).",
	},
	{
		CodeNXDOMAIN, Wrong, groupDenial, "a name that has records is said not to exist when another type is asked for.",
		"RFC 8020: resolvers may remember that the name does not exist, and do not find its records for that time.",
		"Replace the name server, or the firewall before it.",
	},
	{
		CodeUnknownType, Wrong, groupDenial, "a question for a type that the server does not know ends in an error.",
		"RFC 3597: unknown types are answered as any other. Such servers often fail for SMIMEA too.",
		"Replace the name server, or the firewall before it.",
	},
}

// listingKinds are about who can list the names.
var listingKinds = []Kind{
	{
		CodeHidden, OK, groupListing, "no: each denial is made for its question, and names no other name (RFC 4470, RFC 7129, RFC 9824).",
		"What is left is guessing: each guess is a question to the name servers.", "",
	},
	{
		CodeWalked, Note, groupListing, "yes: NSEC records lead from name to name, and this was done.",
		"SMIMEA names are hashes (SHA-256) of local parts: who guesses \"alice\" or a serial number sees whether it is there. Device names are listed in plain. Senders of unwanted mail and competitors can do this too.",
		"If that must not be: sign while answering (PowerDNS narrow, Knot onlinesign, or a provider with RFC 9824), or give machines random names. NSEC3 only makes it slower.",
	},
	{
		CodeWalkIncomplete, Note, groupListing, "the list was not read to its end.",
		"What comes after it was not checked.",
		"Give a higher limit: --walk N.",
	},
	{
		CodeWalkBroken, Wrong, groupListing, "the NSEC records do not lead through the zone.",
		"The chain of denials contradicts itself: some absences cannot be proven, or can be proven falsely.",
		"Sign the zone again.",
	},
	{
		CodeHashes, Note, groupListing, "hashes of the names can be collected (NSEC3), and guessed offline.",
		"It hides names from those who do not guess. Who does tests billions of guesses a second without a question to anybody; for an SMIMEA name that is the SHA-256 of the local part and one SHA-1. Its count of names is public.",
		"If that must not be: sign while answering (PowerDNS narrow, or a provider with RFC 9824), or give machines random names.",
	},
}
