package undo

import (
	"encoding/base64"
	"net/url"
	"slices"
	"strings"
)

// linkService is a service that replaces the links in mail by its own.
type linkService struct {
	name string
	// hosts are ends of its host names, or whole ones; path is what the path begins with.
	hosts []string
	path  string
	// unwrap returns the link before, or "" where the link does not hold it, and the length of what
	// replaced it; nil where no link of the service holds it.
	unwrap func(link string) (string, int)
}

// linkServices are told apart by the hosts that their documentation names.
var linkServices = []linkService{
	{"Microsoft Safe Links", []string{".safelinks.protection.outlook.com", ".safelinks.protection.office365.us", ".safelinks.protection.partner.outlook.cn", "safelinks.protection.outlook.com"}, "/", urlLink},
	{"Proofpoint URL Defense", []string{"urldefense.proofpoint.com"}, "/v1/", uLink},
	{"Proofpoint URL Defense", []string{"urldefense.proofpoint.com"}, "/v2/", proofpoint2},
	{"Proofpoint URL Defense", []string{"urldefense.com", "urldefense.proofpoint.com", "urldefense.us"}, "/v3/", proofpoint3},
	{"Mimecast URL Protect", []string{".mimecast.com", ".mimecastprotect.com", ".mimecast.co.za"}, "/", uLink},
	{"Barracuda Link Protection", []string{"linkprotect.cudasvc.com"}, "/url", aLink},
	{"Cisco Secure Email", []string{"secure-web.cisco.com"}, "/", lastSegment},
	{"Sophos Email", []string{".protection.sophos.com"}, "/", sophosLink},
	{"Trend Micro", []string{".trendmicro.com", ".trendmicro.eu"}, "/wis/clicktime/", urlLink},
	{"Trellix (FireEye)", []string{"protect.fireeye.com", "protect2.fireeye.com", "protect.trellix.com", ".fireeye.com", ".trellix.com"}, "/", uLink},
	{"Symantec Click-time Protection", []string{"clicktime.symantec.com", "clicktime.cloud.postoffice.net"}, "/", uLink},
	{"Google", []string{"www.google.com"}, "/url", qOrURLLink},
	{"Check Point Harmony (Avanan)", []string{"url.avanan.click", "protect.checkpoint.com"}, "/", betweenLines},
	{"FortiMail", nil, "/fmlurlsvc/", urlLink},
	{"Libraesva", []string{"urlsand.esvalabs.com", "urlsand.com"}, "/", uLink},
	{"EdgePilot", []string{"link.edgepilot.com"}, "/", uLink},
	{"Zix", []string{"link.zixcentral.com"}, "/", uLink},
	{"Vade", []string{".vadesecure.com", ".vade.cloud"}, "/", uLink},
	{"Hornetsecurity", []string{"atpscan.global.hornetsecurity.com", "seclinks.cloud-security.net"}, "/", nil},
	{"Bitdefender", []string{"linkscan.io"}, "/", nil},
	{"Intermedia", []string{"url.emailprotection.link"}, "/", nil},
}

// serviceOf is the service that a link belongs to, or nil.
func serviceOf(link string) *linkService {
	scheme, rest, ok := strings.Cut(link, "://")
	if !ok || scheme == "" {
		return nil
	}
	host, path := rest, ""
	if i := strings.IndexAny(rest, "/?"); i >= 0 {
		host, path = rest[:i], rest[i:]
	}
	host, _, _ = strings.Cut(strings.ToLower(host), ":")
	if strings.HasPrefix(path, "?") {
		path = "/" + path
	}
	for i := range linkServices {
		if s := &linkServices[i]; s.at(host) && strings.HasPrefix(path, s.path) && len(path) > len(s.path) {
			return s
		}
	}
	return nil
}

func (s *linkService) at(host string) bool {
	return s.hosts == nil || slices.ContainsFunc(s.hosts, func(h string) bool {
		return host == h || strings.HasPrefix(h, ".") && strings.HasSuffix(host, h)
	})
}

// maxServices bounds the names in a sentence.
const maxServices = 4

func addService(names []string, link string) []string {
	s := serviceOf(link)
	if s == nil || len(names) == maxServices {
		return names
	}
	host, _, _ := strings.Cut(strings.SplitN(link, "://", 2)[1], "/")
	host, _, _ = strings.Cut(strings.ToLower(host), "?")
	if s.hosts == nil {
		host = s.path
	}
	for _, h := range s.hosts {
		if strings.HasPrefix(h, ".") && strings.HasSuffix(host, h) {
			host = h[1:]
			break
		}
	}
	name := s.name + " (" + host + ")"
	if slices.Contains(names, name) {
		return names
	}
	return append(names, name)
}

// maxLink bounds a link that is looked into, in octets.
const maxLink = 8000

// unwrapLink returns the link in that of a service, or "", and the length of what replaced it.
func unwrapLink(link string) (before string, length int) {
	s := serviceOf(link)
	if s == nil || s.unwrap == nil || len(link) > maxLink {
		return "", 0
	}
	before, length = s.unwrap(link)
	if !strings.Contains(before, ":") || strings.ContainsAny(before, " \r\n\t<>\"") {
		return "", 0
	}
	return before, length
}

func aLink(link string) (string, int) { return queryLink(link, "a") }

func uLink(link string) (string, int) { return queryLink(link, "u") }

func urlLink(link string) (string, int) { return queryLink(link, "url") }

func qOrURLLink(link string) (string, int) { return queryLink(link, "q", "url") }

// queryLink is for services that put the link, percent-encoded, into a parameter.
func queryLink(link string, names ...string) (string, int) {
	length := len(strings.TrimRight(link, ".,;:!)]"))
	_, query, _ := strings.Cut(link[:length], "?")
	for parameter := range strings.SplitSeq(query, "&") {
		name, value, _ := strings.Cut(parameter, "=")
		if !slices.Contains(names, name) {
			continue
		}
		if before, err := url.PathUnescape(value); err == nil {
			return before, length
		}
	}
	return "", 0
}

// proofpoint2 is for links in which "-" stands for "%" and "_" for "/".
func proofpoint2(link string) (string, int) {
	length := len(strings.TrimRight(link, ".,;:!)]"))
	_, query, _ := strings.Cut(link[:length], "?")
	for parameter := range strings.SplitSeq(query, "&") {
		if value, ok := strings.CutPrefix(parameter, "u="); ok {
			before, err := url.PathUnescape(strings.NewReplacer("-", "%", "_", "/").Replace(value))
			if err == nil {
				return before, length
			}
		}
	}
	return "", 0
}

// proofpoint3 is for links that stand between "__" and "__;", with "*" for each character that
// comes after that in base64, and "**" and a letter for several.
func proofpoint3(link string) (string, int) {
	_, rest, ok := strings.Cut(link, "/v3/__")
	if !ok {
		return "", 0
	}
	i := strings.LastIndex(rest, "__;")
	if i < 0 {
		return "", 0
	}
	text, tail := rest[:i], rest[i+3:]
	encoded, _, ok := strings.Cut(tail, "!")
	if !ok {
		return "", 0
	}
	octets, err := base64.RawURLEncoding.DecodeString(strings.TrimRight(encoded, "="))
	if err != nil {
		return "", 0
	}
	length := len(link)
	if j := strings.IndexByte(tail, '$'); j >= 0 {
		length = len(link) - len(tail) + j + 1
	}
	return fillStars(text, []rune(string(octets))), length
}

// v3Runs are the letters for the length of a run, from two on.
const v3Runs = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_"

// fillStars puts the characters in place of the stars, or returns "" where they are too few.
func fillStars(text string, characters []rune) string {
	var out strings.Builder
	for text != "" {
		before, rest, found := strings.Cut(text, "*")
		out.WriteString(before)
		if !found {
			break
		}
		n := 1
		if len(rest) > 1 && rest[0] == '*' && strings.IndexByte(v3Runs, rest[1]) >= 0 {
			n, rest = strings.IndexByte(v3Runs, rest[1])+2, rest[2:]
		}
		if n > len(characters) {
			return ""
		}
		out.WriteString(string(characters[:n]))
		characters, text = characters[n:], rest
	}
	return out.String()
}

// lastSegment is for links whose last segment is the link before, percent-encoded.
func lastSegment(link string) (string, int) {
	length := len(strings.TrimRight(link, ".,;:!)]"))
	before, err := url.PathUnescape(link[strings.LastIndexByte(link[:length], '/')+1 : length])
	if err != nil || !strings.Contains(before, "://") {
		return "", 0
	}
	return before, length
}

// sophosLink is for links with a parameter u in base64.
func sophosLink(link string) (string, int) {
	length := len(strings.TrimRight(link, ".,;:!)]"))
	_, query, _ := strings.Cut(link[:length], "?")
	for parameter := range strings.SplitSeq(query, "&") {
		value, ok := strings.CutPrefix(parameter, "u=")
		if !ok {
			continue
		}
		if unescaped, err := url.PathUnescape(value); err == nil {
			value = unescaped
		}
		value = strings.TrimRight(value, "=")
		if octets, err := base64.RawStdEncoding.DecodeString(value); err == nil {
			return string(octets), length
		}
		if octets, err := base64.RawURLEncoding.DecodeString(value); err == nil {
			return string(octets), length
		}
	}
	return "", 0
}

// betweenLines is for links between "___" and "___".
func betweenLines(link string) (string, int) {
	_, rest, ok := strings.Cut(link, "/___")
	if !ok {
		return "", 0
	}
	before, _, ok := strings.Cut(rest, "___.")
	if !ok {
		return "", 0
	}
	return before, len(strings.TrimRight(link, ".,;:!)]"))
}
