package option_test

import (
	"errors"
	"strings"
	"testing"

	"github.com/sallyport-rpc/sallyport/internal/option"
)

type settings struct{ size, used int }

// Option is how a package shows the options that it takes.
type Option interface{ option.Option[settings] }

func withSize(size int) Option {
	return option.Func[settings](func(s *settings) error {
		if size < 0 {
			return errors.New("pkg: a negative size")
		}
		s.size = size
		s.used++
		return nil
	})
}

func TestApply(t *testing.T) {
	t.Parallel()
	for name, test := range map[string]struct {
		options []Option
		want    settings
		wrong   []string
	}{
		"none":                  {want: settings{size: 1}},
		"the last one counts":   {options: []Option{withSize(2), withSize(3)}, want: settings{size: 3, used: 2}},
		"a nil one":             {options: []Option{withSize(2), nil}, want: settings{size: 2, used: 1}, wrong: []string{"pkg: option 2 is nil"}},
		"a nil function":        {options: []Option{option.Func[settings](nil)}, want: settings{size: 1}, wrong: []string{"pkg: option 1 is nil"}},
		"everything is named":   {options: []Option{nil, withSize(-1), nil, withSize(4)}, want: settings{size: 4, used: 1}, wrong: []string{"option 1", "negative", "option 3"}},
		"wrong and then right":  {options: []Option{withSize(-1), withSize(1)}, want: settings{size: 1, used: 1}, wrong: []string{"negative"}},
		"right and then wrong":  {options: []Option{withSize(5), withSize(-1)}, want: settings{size: 5, used: 1}, wrong: []string{"negative"}},
		"the same wrong option": {options: []Option{withSize(-1), withSize(-2)}, want: settings{size: 1}, wrong: []string{"negative"}},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			got := settings{size: 1}
			err := option.Apply("pkg", &got, test.options)
			if got != test.want || (err != nil) != (len(test.wrong) > 0) {
				t.Fatalf("got %+v, %v", got, err)
			}
			for _, want := range test.wrong {
				if !strings.Contains(err.Error(), want) {
					t.Errorf("%q is not in: %v", want, err)
				}
			}
		})
	}
}
