package config

import (
	"cmp"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"reflect"
	"regexp"
	"slices"
	"strconv"
	"strings"

	"github.com/BurntSushi/toml"

	"dnseal/cmd/internal/cli"
	"dnseal/sender/identity"
)

// maxFile is the most bytes of a configuration file.
const maxFile = 1 << 20

// Load reads a configuration and everything it names: identities, keys, certificates, anchors,
// roots. The error is [Mistakes] when the file could be read, else that of the file system.
func Load(file string) (*Config, error) {
	text, err := read(file, "--config")
	if err != nil {
		return nil, err
	}
	c, n := parse(text, file)
	if len(n.found) == 0 {
		c.loadFiles(n)
	}
	if err := n.err(); err != nil {
		return nil, err
	}
	return c, nil
}

// LoadPublishing is Load for a command that publishes identities: of the files only those are read
// that [publish] and [dns] name, so that one identity which is missing or unusable does not keep a
// command from the others; see NamedIdentities.
func LoadPublishing(file string) (*Config, error) {
	text, err := read(file, "--config")
	if err != nil {
		return nil, err
	}
	c, n := parse(text, file)
	if len(n.found) == 0 {
		c.loadPublishing(n)
		for _, needed := range c.named() {
			if _, _, err = identity.ParseName(needed.name); err != nil {
				n.wrong(needed.key, "%s%s", strip(err), advice(err))
			}
		}
	}
	if err = n.err(); err != nil {
		return nil, err
	}
	return c, nil
}

// NamedIdentities are the canonical names of the identities that rules and relays name, there or
// not; sorted.
func (c *Config) NamedIdentities() []string {
	var names []string
	for _, needed := range c.named() {
		names = append(names, canonical(needed.name))
	}
	slices.Sort(names)
	return slices.Compact(names)
}

func read(file, flag string) (string, error) {
	text, err := cli.ReadFile(file, maxFile)
	if errors.Is(err, fs.ErrNotExist) {
		return "", fmt.Errorf("configuration file %s does not exist; write it (dnseal.toml(5)), or name another with %s", file, flag)
	}
	if err != nil {
		return "", fmt.Errorf("configuration: %w", err)
	}
	return string(text), nil
}

// parse reads the text: keys and values, and no other file.
func parse(text, file string) (*Config, *notes) {
	n := &notes{file: file}
	var c Config
	meta, err := toml.Decode(text, &c)
	if err != nil {
		n.found = append(n.found, syntax(file, err))
		return &c, n
	}
	n.places, n.defined = places(text), meta.IsDefined
	n.unknown(meta.Undecoded())
	n.noTables(text)
	c.defaults()
	c.check(n)
	c.notes = n
	return &c, n
}

// noTables notes devices and reply-text that are no table. The decoder leaves a map empty, without
// an error, where the value is anything else.
func (n *notes) noTables(text string) {
	var raw struct {
		ReplyText any `toml:"reply-text"`
		Domain    []struct {
			Devices   any
			ReplyText any `toml:"reply-text"`
		}
	}
	_, _ = toml.Decode(text, &raw) // read without an error before
	n.table("reply-text", raw.ReplyText, replyTextForm)
	for i, d := range raw.Domain {
		n.table(fmt.Sprintf("domain[%d].devices", i), d.Devices, devicesForm)
		n.table(fmt.Sprintf("domain[%d].reply-text", i), d.ReplyText, replyTextForm)
	}
}

// What to write where a value is no table.
const (
	devicesForm   = "devices must be a table of names with the From addresses that each may use; write devices = { \"*._device.bank.example\" = [\"*@alerts.bank.example\"] }"
	replyTextForm = "reply-text must be a table of classes with a text for each; write reply-text = { bad-signature = \"TEXT\" }"
)

// table notes a value that is there, and is no table.
func (n *notes) table(key string, value any, form string) {
	if _, ok := value.(map[string]any); value != nil && !ok {
		n.wrong(key, "%s", form)
	}
}

// decoderError is how the decoder writes an error: where, at which key, what.
var decoderError = regexp.MustCompile(`^toml: line (\d+)(?: \(last key "(.*?)"\))?: ((?s).*)$`)

// Texts of the decoder that need other words for people who do not write Go.
var (
	wrongType = regexp.MustCompile(`^incompatible types: TOML value has type (\S+); destination has type (\S+)$`)
	onlyTable = regexp.MustCompile(`^type mismatch for \S+: expected table but found \[\]`)
	defined   = regexp.MustCompile(`^Key '(.*)' has already been defined\.$`)
)

// typeWords are the types of values as people call them.
var typeWords = map[string]string{
	"string": "a string in quotes", "int64": "a number", "integer": "a number", "float64": "a number with a point", "bool": "true or false", "boolean": "true or false",
	"[]any": "an array", "slice": "an array", "[]string": "an array of strings", "map[string]any": "a table", "struct": "a table",
}

// syntax makes a mistake of an error of the decoder.
func syntax(file string, err error) *Mistake {
	m := decoderError.FindStringSubmatch(err.Error())
	if m == nil {
		return &Mistake{file, 0, oneLine(strings.TrimPrefix(err.Error(), "toml: "))}
	}
	line, _ := strconv.Atoi(m[1])
	if strings.Contains(m[3], "table") && strings.Contains(m[3], `got '\n'`) {
		line-- // the decoder has counted the end of the header's line already
	}
	return &Mistake{file, line, oneLine(inWords(m[2], m[3]))}
}

// repeatable are the tables of which there can be several.
var repeatable = []string{"sign.rule", "dkim.sign", "domain", "route", "relay", "milter"}

// inWords rewrites the decoder's text about a key, which may be empty.
func inWords(key, text string) string {
	if d := defined.FindStringSubmatch(text); d != nil {
		if slices.Contains(repeatable, d[1]) {
			return fmt.Sprintf("%s occurs twice; write [[%s]] for each", d[1], d[1])
		}
		return d[1] + " occurs twice; put all of it in one place"
	}
	text = strings.ReplaceAll(text, `'\n'`, "the end of the line")
	for _, s := range slips {
		if strings.Contains(text, s.text) {
			text += "; " + s.remedy
			break
		}
	}
	if t := wrongType.FindStringSubmatch(text); t != nil {
		text = fmt.Sprintf("the value must be %s, not %s", cmp.Or(typeWords[t[2]], t[2]), cmp.Or(typeWords[t[1]], t[1]))
		if t[2] == "slice" && t[1] == "map[string]any" {
			text = fmt.Sprintf("there can be several of it; write [[%s]]", key)
		}
	}
	if onlyTable.MatchString(text) {
		text = fmt.Sprintf("there is only one of it; write [%s]", key)
	}
	if key == "" {
		return text
	}
	return key + ": " + text
}

// slips are what to do about frequent mistakes, by a text of the decoder.
var slips = []struct{ text, remedy string }{
	{"expected value but found", "write strings in quotes"},
	{"cannot have leading zeroes", "write it in quotes, as \"0660\""},
	{"expected a top-level item to end with", "write what is no plain number in quotes, as \"50MB\", and one key in a line"},
	{"but got ':' instead", "write key = value"},
	{"strings cannot contain newlines", "is the closing quote missing?"},
}

// oneLine keeps a decoder's text, which may quote the file, on one line.
func oneLine(s string) string { return strings.Join(strings.Fields(s), " ") }

// defaults sets the keys that the file omits and whose default is not empty.
func (c *Config) defaults() {
	if c.Hostname == "" {
		c.Hostname, _ = os.Hostname()
	}
	if c.AuthservID == "" {
		c.AuthservID = c.Hostname
	}
	c.DNS.Mode = cmp.Or(c.DNS.Mode, "validate")
	c.Sign.Form = cmp.Or(c.Sign.Form, "clear")
	c.Sign.SelfCheck = cmp.Or(c.Sign.SelfCheck, "digest")
	c.Log.Format = cmp.Or(c.Log.Format, "text")
	for i := range c.Domains {
		c.Domains[i].Require = cmp.Or(c.Domains[i].Require, "nothing")
	}
	for i := range c.Relays {
		r := &c.Relays[i]
		r.Protocol = cmp.Or(r.Protocol, "smtp")
		r.TLS = cmp.Or(r.TLS, "none")
		r.BareNewline = cmp.Or(r.BareNewline, "reject")
		r.SocketMode = cmp.Or(r.SocketMode, "0660")
	}
	for i := range c.Milters {
		c.Milters[i].SocketMode = cmp.Or(c.Milters[i].SocketMode, "0660")
	}
}

// knownKeys are all keys of the structs, such as "relay.listen", sorted.
func knownKeys() []string {
	var keys []string
	collect(reflect.TypeFor[Config](), "", &keys)
	slices.Sort(keys)
	return keys
}

func collect(t reflect.Type, prefix string, keys *[]string) {
	for f := range t.Fields() {
		name := f.Tag.Get("toml")
		if name == "" {
			continue
		}
		*keys = append(*keys, prefix+name)
		ft := f.Type
		if ft.Kind() == reflect.Slice {
			ft = ft.Elem()
		}
		if ft.Kind() == reflect.Struct {
			collect(ft, prefix+name+".", keys)
		}
	}
}
