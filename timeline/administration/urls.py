"""What is kept in the administration, in the order of its index."""

from django.contrib.auth.models import Group, User

from licensing.models import Title
from timeline.administration.keys import Keys
from timeline.administration.people import Profiles
from timeline.administration.roles import Roles
from timeline.administration.site import site
from timeline.administration.titles import Titles
from timeline.administration.users import Users
from timeline.models import ApiKey, MemberProfile

for model, keeper in (
    (User, Users),
    (Group, Roles),
    (ApiKey, Keys),
    (Title, Titles),
    (MemberProfile, Profiles),
):
    site.register(model, keeper)

urls = site.urls
