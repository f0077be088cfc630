package milter

import (
	"errors"
	"fmt"
	"net"
	"strconv"
	"strings"
)

// Address is where a milter listens, in the terms of package net.
type Address struct {
	Network string // "unix" or "tcp"
	Address string // a path, or host:port
}

// ParseAddress reads the spellings of Postfix and of Sendmail and its milters:
//
//	unix:/path   local:/path
//	inet:host:port   inet:port@host   (inet6: likewise)
//
// IPv6 addresses are in brackets, or without them after @. A host must be given, the path must be
// absolute, the port a number from 1 to 65535. The error says which of it fails.
func ParseAddress(s string) (Address, error) {
	kind, rest, ok := strings.Cut(s, ":")
	if !ok {
		return Address{}, fmt.Errorf("milter: address %q: want unix:/path, inet:host:port or inet:port@host", s)
	}
	var a Address
	var err error
	switch strings.ToLower(kind) {
	case "unix", "local":
		a, err = parsePath(rest)
	case "inet", "inet6":
		a, err = parseHostPort(rest)
	default:
		err = fmt.Errorf("unknown kind %q: write unix:/path, inet:host:port or inet:port@host", kind)
	}
	if err != nil {
		return Address{}, fmt.Errorf("milter: address %q: %w", s, err)
	}
	return a, nil
}

func parsePath(path string) (Address, error) {
	if !strings.HasPrefix(path, "/") || strings.ContainsRune(path, 0) {
		return Address{}, errors.New("path is not absolute")
	}
	return Address{Network: "unix", Address: path}, nil
}

func parseHostPort(s string) (Address, error) {
	port, host, swapped := strings.Cut(s, "@")
	if !swapped {
		var err error
		if host, port, err = net.SplitHostPort(s); err != nil {
			return Address{}, errors.New("want host:port or port@host")
		}
	}
	host = strings.TrimSuffix(strings.TrimPrefix(host, "["), "]")
	if host == "" || strings.ContainsAny(host, "[]@ \t\x00") {
		return Address{}, errors.New("no host")
	}
	if n, err := strconv.ParseUint(port, 10, 16); err != nil || n == 0 {
		return Address{}, fmt.Errorf("invalid port %q", port)
	}
	return Address{Network: "tcp", Address: net.JoinHostPort(host, port)}, nil
}

// String is the address as Postfix spells it in smtpd_milters.
func (a Address) String() string {
	if a.Network == "unix" {
		return "unix:" + a.Address
	}
	return "inet:" + a.Address
}

// Sendmail is the address as Sendmail spells it in INPUT_MAIL_FILTER (S=).
func (a Address) Sendmail() string {
	if a.Network == "unix" {
		return "local:" + a.Address
	}
	host, port, err := net.SplitHostPort(a.Address)
	if err != nil {
		return "inet:" + a.Address
	}
	if strings.Contains(host, ":") {
		return "inet6:" + port + "@" + host
	}
	return "inet:" + port + "@" + host
}
