package field

import (
	"context"

	"google.golang.org/protobuf/reflect/protoreflect"

	"github.com/sallyport-rpc/sallyport/internal/declare"
)

// below looks at what a field of a message leads to.
func (s *writeState) below(ctx context.Context, below *written, message protoreflect.Message, at place) error {
	to := place{mode: at.mode}
	switch {
	case at.mode == present && below.mask != nil:
		mask, err := s.mask(message, below)
		if err != nil {
			return err
		}
		to.mode, to.mask = masked, mask
	case at.mode == masked:
		to.mask = at.mask.of(below.field)
	}
	if to.mode == masked && to.mask == nil {
		to.mode = outside
	}
	if at.isAbout && len(at.about) > 0 && at.about[0] == below.field {
		to.isAbout, to.about = true, at.about[1:]
	}
	if len(at.key) > 0 && at.key[0] == below.field {
		to.key = at.key[1:]
	}
	if !message.Has(below.field) {
		if to.mode == masked {
			return s.absent(ctx, below.plan, to.mask, true)
		}
		return nil
	}
	for within := range declare.MessagesIn(below.field, message.Get(below.field)) {
		if err := s.message(ctx, below.plan, within, to); err != nil {
			return err
		}
	}
	return nil
}

// mask reads the mask beside a field.
func (s *writeState) mask(message protoreflect.Message, below *written) (*node, error) {
	paths := below.mask.Message().Fields().ByName("paths")
	named := message.Get(below.mask).Message().Get(paths).List()
	if named.Len() == 0 {
		if s.of.emptyAll {
			return everything, nil
		}
		return nil, nil //nolint:nilnil // it names nothing
	}
	return readMask(named, declare.MessageIn(below.field))
}

// absent decides about what a mask names of a message that is not there: it is emptied.
// replaced is whether it matters what the caller may read of it. What a rule says of no
// message is the same wherever it would stand.
func (s *writeState) absent(ctx context.Context, of *writePlan, mask *node, replaced bool) error {
	if mask.all {
		if s.blank[blanked{of, replaced}] {
			return nil
		}
		if s.blank == nil {
			s.blank = map[blanked]bool{}
		}
		s.blank[blanked{of, replaced}] = true
	}
	for i := range of.guarded {
		guarded := &of.guarded[i]
		named, _ := names(mask, guarded.field)
		if !named {
			continue
		}
		if err := s.decide(ctx, guarded, nil, nil, mask.all && replaced); err != nil {
			return err
		}
	}
	for i := range of.below {
		below := &of.below[i]
		if named := mask.of(below.field); named != nil {
			if err := s.absent(ctx, below.plan, named, replaced); err != nil {
				return err
			}
		}
		oneof := oneofOf(below.field)
		if oneof == nil || !below.plan.clears || mask.all || !namesAnother(mask, oneof, below.field) {
			continue
		}
		if err := s.absent(ctx, below.plan, everything, false); err != nil {
			return err
		}
	}
	return nil
}
