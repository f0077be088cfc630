//go:build !submit || tpm

package tpm

import (
	"fmt"

	"github.com/google/go-tpm/tpm2/transport/windowstpm"
)

// defaultDevice is the TPM Base Services of Windows: there is no other.
const defaultDevice = "TBS"

// connect opens the TPM of the system.
func connect(string) (*connection, error) {
	t, err := windowstpm.Open()
	if err != nil {
		return nil, fmt.Errorf("tpm: %w", err)
	}
	return &connection{stream: t, tpm: t}, nil
}
