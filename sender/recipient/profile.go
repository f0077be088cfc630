package recipient

import (
	"fmt"
	"slices"

	"dnseal/smime/cms/enveloped"
)

// Profile is the reader that a message is encrypted for. The zero value is Compatible.
type Profile string

// Profiles.
const (
	// Compatible is what programs newer than 2022 read: EnvelopedData with AES-CBC, RSA by PKCS #1
	// v1.5; AuthEnvelopedData with AES-GCM where all keys of a group are known to read it. Of a
	// person with keys of several classes the classical ones (RSA, NIST curves) are used, then
	// X25519.
	Compatible Profile = "compatible"
	// Modern is RFC 8551: AuthEnvelopedData with AES-256-GCM, RSA by OAEP. Of a person with keys of
	// several classes ML-KEM is used, then X25519.
	Modern Profile = "modern"
	// PQ is Modern with ML-KEM keys alone: who has none is refused, since what is also encrypted to
	// a classical key is as weak as that.
	PQ Profile = "pq"
)

// ParseProfile reads the name of a profile; "" is Compatible. The error lists the names.
func ParseProfile(s string) (Profile, error) {
	switch p := Profile(s); p {
	case "":
		return Compatible, nil
	case Compatible, Modern, PQ:
		return p, nil
	}
	return "", fmt.Errorf("recipient: profile %q: it is compatible, modern or pq", s)
}

// order lists the classes that a profile uses, the preferred one first.
func (p Profile) order() []class {
	switch p {
	case Modern:
		return []class{postQuantum, x25519, classical}
	case PQ:
		return []class{postQuantum}
	case Compatible:
	}
	return []class{classical, x25519, postQuantum}
}

// choose leaves of one person's keys those of the class that the profile prefers.
func (p Profile) choose(keys []Key) []Key {
	for _, c := range p.order() {
		if out := ofClass(keys, c); len(out) > 0 {
			return out
		}
	}
	return nil
}

func ofClass(keys []Key, c class) (out []Key) {
	for _, k := range keys {
		if k.class == c {
			out = append(out, k)
		}
	}
	return out
}

// cipher is the one that a profile uses for a group of keys: as strong as the strongest of them.
func (p Profile) cipher(keys []Key) enveloped.Cipher {
	if p == Modern || p == PQ {
		return enveloped.AES256GCM
	}
	ciphers := []enveloped.Cipher{enveloped.AES128GCM, enveloped.AES256GCM, enveloped.AES128CBC}
	if slices.ContainsFunc(keys, Key.strong) {
		ciphers = []enveloped.Cipher{enveloped.AES256GCM, enveloped.AES128GCM, enveloped.AES256CBC}
	}
	for _, c := range ciphers[:2] {
		if !slices.ContainsFunc(keys, func(k Key) bool { return !slices.Contains(k.Reads, c) }) {
			return c
		}
	}
	return ciphers[2]
}
