//go:build unix

package browsertest

// View sets the size of the window in CSS pixels, and whether the reader prefers dark colours. A
// window of less than 600 pixels is that of a phone.
func (t *Tab) View(width, height int, dark bool) {
	t.tb.Helper()
	scheme := "light"
	if dark {
		scheme = "dark"
	}
	t.Call("Emulation.setDeviceMetricsOverride", map[string]any{"width": width, "height": height, "deviceScaleFactor": 1, "mobile": width < 600}, nil)
	t.Call("Emulation.setEmulatedMedia", map[string]any{"features": []any{map[string]any{"name": "prefers-color-scheme", "value": scheme}}}, nil)
}

// Picture is a PNG of the whole page, down to at most 16,000 pixels.
func (t *Tab) Picture() []byte {
	t.tb.Helper()
	var size struct {
		Content struct {
			Width  float64 `json:"width"`
			Height float64 `json:"height"`
		} `json:"cssContentSize"`
	}
	t.Call("Page.getLayoutMetrics", nil, &size)
	var shot struct {
		Data []byte `json:"data"`
	}
	clip := map[string]any{"x": 0, "y": 0, "width": size.Content.Width, "height": min(size.Content.Height, 16000), "scale": 1}
	t.Call("Page.captureScreenshot", map[string]any{"format": "png", "captureBeyondViewport": true, "clip": clip}, &shot)
	return shot.Data
}

// PDF is the page as it prints, on A4 paper (sizes in inches).
func (t *Tab) PDF() []byte {
	t.tb.Helper()
	var printed struct {
		Data []byte `json:"data"`
	}
	t.Call("Page.printToPDF", map[string]any{"paperWidth": 8.27, "paperHeight": 11.69, "preferCSSPageSize": true, "printBackground": false}, &printed)
	return printed.Data
}

// Press presses a key: "Tab", "Enter", "Escape", " ", or a letter.
func (t *Tab) Press(key string) {
	t.tb.Helper()
	code := map[string]int{"Tab": 9, "Enter": 13, "Escape": 27, " ": 32}[key]
	down := map[string]any{"type": "keyDown", "key": key, "code": key, "windowsVirtualKeyCode": code}
	switch {
	case key == "Enter":
		down["text"] = "\r"
	case len(key) == 1:
		down["text"] = key
	}
	t.Call("Input.dispatchKeyEvent", down, nil)
	t.Call("Input.dispatchKeyEvent", map[string]any{"type": "keyUp", "key": key, "code": key, "windowsVirtualKeyCode": code}, nil)
}

// Accessible is one thing that a screen reader finds.
type Accessible struct {
	// Role is a role of WAI-ARIA or of Chromium, Name what is read.
	Role, Name string
}

// Accessible is what a screen reader finds, in the order of reading.
func (t *Tab) Accessible() []Accessible {
	t.tb.Helper()
	type value struct {
		Value any `json:"value"`
	}
	var tree struct {
		Nodes []struct {
			Ignored bool  `json:"ignored"`
			Role    value `json:"role"`
			Name    value `json:"name"`
		} `json:"nodes"`
	}
	t.Call("Accessibility.getFullAXTree", nil, &tree)
	var out []Accessible
	for _, n := range tree.Nodes {
		role, _ := n.Role.Value.(string)
		name, _ := n.Name.Value.(string)
		if !n.Ignored {
			out = append(out, Accessible{role, name})
		}
	}
	return out
}
