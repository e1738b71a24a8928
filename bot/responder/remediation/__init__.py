"""A planned action is confirmed, approved by a second person where a rule asks for one, carried out and watched."""
