package probe

import "testing"

func TestParseStatuses(t *testing.T) {
	for text, want := range map[string]struct {
		text    string
		in, out []int
	}{
		"200":                {"200", []int{200}, []int{199, 201}},
		"200-399":            {"200-399", []int{200, 302, 399}, []int{0, 199, 400, -1}},
		" 200 , 302,400-499": {"200,302,400-499", []int{200, 302, 400, 499}, []int{201, 301, 303, 500}},
		"599-599":            {"599", []int{599}, []int{598, 600}},
	} {
		s, err := ParseStatuses(text)
		must(t, err)
		if s.String() != want.text {
			t.Errorf("%q is written as %q", text, s)
		}
		checkStatuses(t, s, want.in, want.out)
		again, err := ParseStatuses(s.String())
		must(t, err)
		checkStatuses(t, again, want.in, want.out)
	}
	checkStatuses(t, Statuses{}, []int{200, 399}, []int{199, 400})
	if got := (Statuses{}).String(); got != "200-399" {
		t.Errorf("the zero value is written as %q", got)
	}
}

func checkStatuses(t *testing.T, s Statuses, in, out []int) {
	t.Helper()
	for _, status := range in {
		if !s.Has(status) {
			t.Errorf("%s lacks %d", s, status)
		}
	}
	for _, status := range out {
		if s.Has(status) {
			t.Errorf("%s has %d", s, status)
		}
	}
}

func TestParseStatusesErrors(t *testing.T) {
	for text, want := range map[string]string{
		"":             "there are none",
		" ":            "there are none",
		"20x":          `"20x" is neither`,
		"200,":         `"" is neither`,
		"100":          `"100" is neither`,
		"600":          `"600" is neither`,
		"0200":         `"0200" is neither`,
		"+20":          `"+20" is neither`,
		"200-":         `"200-" is neither`,
		"200-300-400":  `"200-300-400" is neither`,
		"200, 399-200": `"399-200" runs backwards; write "200-399"`,
	} {
		_, err := ParseStatuses(text)
		expect(t, err, want, "cannot read the statuses")
	}
}
