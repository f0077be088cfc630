package lookuptest

import (
	"encoding/base64"
	"errors"
	"fmt"
	"maps"
	"slices"

	"github.com/miekg/dns"
)

// UpdateKey is a TSIG key that may change zones (RFC 8945).
type UpdateKey struct {
	Name      string // of the key, a domain name
	Algorithm string // "hmac-sha256", "hmac-sha384" or "hmac-sha512"
	Secret    string // base64
}

// updateAlgorithms are those of RFC 8945, Section 6, that are fit for use.
var updateAlgorithms = []string{dns.HmacSHA256, dns.HmacSHA384, dns.HmacSHA512}

func checkUpdateKeys(keys []UpdateKey) error {
	for _, k := range keys {
		if _, ok := dns.IsDomainName(k.Name); !ok || k.Name == "" {
			return fmt.Errorf("lookuptest: %q is no name of a TSIG key", k.Name)
		}
		if !slices.Contains(updateAlgorithms, dns.CanonicalName(k.Algorithm)) {
			return fmt.Errorf("lookuptest: TSIG key %s: algorithm %q (hmac-sha256, hmac-sha384 or hmac-sha512)", k.Name, k.Algorithm)
		}
		if secret, err := base64.StdEncoding.DecodeString(k.Secret); err != nil || len(secret) == 0 {
			return fmt.Errorf("lookuptest: TSIG key %s: its secret is no base64", k.Name)
		}
	}
	return nil
}

// updateSecrets are the keys as the library wants them; nil without any, so that no answer is
// signed.
func (s *Server) updateSecrets() map[string]string {
	if len(s.opts.UpdateKeys) == 0 {
		return nil
	}
	secrets := map[string]string{}
	for _, k := range s.opts.UpdateKeys {
		secrets[dns.CanonicalName(k.Name)] = k.Secret
	}
	return secrets
}

// acceptUpdates is the library's own check, but for updates, whose sections may have any length.
func acceptUpdates(h dns.Header) dns.MsgAcceptAction {
	const response, opcode = 1 << 15, 11
	if h.Bits&response == 0 && int(h.Bits>>opcode)&0xF == dns.OpcodeUpdate {
		return dns.MsgAccept
	}
	return dns.DefaultMsgAcceptFunc(h)
}

// reply answers a message that came over the network; nil means silence. tsig is what the library
// found about its TSIG record. Who signs gets a signed answer (RFC 8945, Section 5.3).
func (s *Server) reply(in *dns.Msg, tsig error, limit int) *dns.Msg {
	signed, code := s.authenticate(in, tsig)
	var out *dns.Msg
	switch {
	// RFC 8945, Section 5.2.
	case code != dns.RcodeSuccess:
		out = new(dns.Msg).SetRcode(in, dns.RcodeNotAuth)
	case in.Opcode != dns.OpcodeUpdate:
		out = s.respond(in, limit)
	// RFC 2136, Section 3.3.
	case signed == nil:
		out = new(dns.Msg).SetRcode(in, dns.RcodeRefused)
	default:
		out = new(dns.Msg).SetRcode(in, s.apply(in))
	}
	if signed != nil && out != nil {
		s.sign(out, signed, code)
	}
	return out
}

// sign asks the library for a signature over an answer.
func (s *Server) sign(out *dns.Msg, signed *dns.TSIG, code uint16) {
	now := s.opts.Now().Unix()
	out.SetTsig(signed.Hdr.Name, signed.Algorithm, signed.Fudge, now)
	t := out.IsTsig()
	t.Error = code
	if code == dns.RcodeBadTime {
		// RFC 8945, Section 5.2.3: the time of the client, and that of the server.
		t.TimeSigned, t.OtherLen, t.OtherData = signed.TimeSigned, 6, fmt.Sprintf("%012x", now)
	}
}

// authenticate returns the TSIG record of a message and the error in it (RFC 8945, Section 5.2);
// nil for a message without any, and where there are no keys.
func (s *Server) authenticate(in *dns.Msg, tsig error) (*dns.TSIG, uint16) {
	t := in.IsTsig()
	switch {
	case t == nil || len(s.opts.UpdateKeys) == 0:
		return nil, dns.RcodeSuccess
	case !s.knows(t):
		return t, dns.RcodeBadKey
	case errors.Is(tsig, dns.ErrTime):
		return t, dns.RcodeBadTime
	case tsig != nil:
		return t, dns.RcodeBadSig
	}
	return t, dns.RcodeSuccess
}

func (s *Server) knows(t *dns.TSIG) bool {
	return slices.ContainsFunc(s.opts.UpdateKeys, func(k UpdateKey) bool {
		return dns.CanonicalName(k.Name) == dns.CanonicalName(t.Hdr.Name) && dns.CanonicalName(k.Algorithm) == dns.CanonicalName(t.Algorithm)
	})
}

// apply changes a zone, all or nothing, and returns the response code.
func (s *Server) apply(in *dns.Msg) int {
	// RFC 2136, Section 3.1.1.
	if len(in.Question) != 1 || in.Question[0].Qtype != dns.TypeSOA {
		return dns.RcodeFormatError
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	v := s.view.Load()
	name := dns.CanonicalName(in.Question[0].Name)
	i := slices.IndexFunc(v.given, func(g source) bool { return g.name == name })
	// RFC 2136, Section 3.1.2.
	if i < 0 || in.Question[0].Qclass != dns.ClassINET {
		return dns.RcodeNotAuth
	}
	if code := v.zones[name].checkPrerequisites(in.Answer); code != dns.RcodeSuccess {
		return code
	}
	records, changed, code := v.zones[name].change(v.given[i].records, in.Ns)
	if code != dns.RcodeSuccess || !changed {
		return code
	}
	given := slices.Clone(v.given)
	given[i].records = records
	if err := s.show(v, given); err != nil {
		return dns.RcodeRefused
	}
	return dns.RcodeSuccess
}

// show serves changed zones. Signatures over sets that stay the same are kept.
func (s *Server) show(v *view, given []source) error {
	for _, g := range given {
		if err := checkRecords(g.spec.File, g.name, g.records); err != nil {
			return err
		}
	}
	built, err := buildHierarchy(given, &s.keys)
	if err != nil {
		return err
	}
	for name, z := range built {
		if old := v.zones[name]; old != nil {
			old.signatures.Range(func(id, sig any) bool {
				z.signatures.Store(id, sig)
				return true
			})
		}
	}
	breaks := maps.Clone(v.breaks)
	s.view.Store(&view{given: given, zones: built, breaks: breaks})
	return nil
}
