package action

// LiveStreams returns for how many principals the registry holds streams, and how many.
func (r *Registry) LiveStreams() (principals, streams int) {
	r.streams.mu.Lock()
	defer r.streams.mu.Unlock()
	return len(r.streams.byID), len(r.streams.all())
}
