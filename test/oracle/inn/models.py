from django.contrib.auth.models import AbstractUser, UserManager


class IgnoringCase(UserManager):
    def get_by_natural_key(self, username):
        return self.get(**{self.model.USERNAME_FIELD + '__iexact': username})


class Guest(AbstractUser):
    """The commonest custom manager: usernames are compared by `iexact`, though two may differ in case alone."""

    objects = IgnoringCase()
